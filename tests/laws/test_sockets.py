"""The canary law through sockets: what was stripped of a call is nowhere in the bytes that reach the vendor."""

from __future__ import annotations

import gzip
import json
import zlib
from contextlib import ExitStack
from urllib.parse import urlencode

import brotli
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gatekeeper
from gatekeeper.native import DIALECTS, coding
from tests.laws.encodings import found_in
from tests.laws.test_laws import law
from tests.running import ORIGIN, running

ENCODERS = {
    "identity": lambda body: body,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda body: brotli.compress(body, quality=1),
}
# Values that may not go to GA4 under analytics, each with a number of its own; shapes of all kinds.
SHAPES = [
    "canary{}@example.org", "+49 30 9{}", "Canary{} Müller", "/konto/canary{}@example.org", "4111 1111 1111 {}",
    '{{"mail":"canary{}@example.org"}}', "canary{}", "<b>canary{}</b>",
]  # fmt: skip
STRIPPED = ["uid", "up.plan", "ep.user_data.email", "ep.note", "em", "_uip", "ep.phone_number", "x-unknown", "ecsid"]
canaries = st.builds(lambda shape, n: shape.format(n), st.sampled_from(SHAPES), st.integers(10**6, 10**7 - 1))
fields = st.dictionaries(st.sampled_from(STRIPPED), canaries, min_size=1, max_size=5)
MAY = {"v": "2", "tid": "G-TEST", "cid": "1.2", "sid": "17", "en": "page_view", "dl": "https://shop.example/x"}


def web_query(canary):
    return "GET", "/g/collect?" + urlencode(MAY | canary), b""


def web_lines(canary):
    common = {name: value for name, value in MAY.items() if name != "en"}
    lines = [urlencode({"en": "scroll"} | canary), urlencode({"en": "page_view", "ep.link_url": "/a"} | canary)]
    return "POST", "/g/collect?" + urlencode(common), "\r\n".join(lines).encode()


def measurement(canary):
    names = {name.removeprefix("ep.").removeprefix("up."): value for name, value in canary.items()}
    body = {
        "client_id": "1.2", "user_id": next(iter(canary.values())), "user_data": {"sha256_email_address": "x"} | names,
        "user_properties": {name.replace("-", "_"): {"value": value} for name, value in names.items()},
        "events": [{"name": "purchase", "params": {"value": 1, "currency": "EUR"} | names}],
    }  # fmt: skip
    return "POST", "/mp/collect?measurement_id=G-TEST&api_secret=s3cret", json.dumps(body).encode()


FORMS = {"/g/collect, query": web_query, "/g/collect, lines": web_lines, "/mp/collect": measurement}


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    with ExitStack() as stack:
        yield stack.enter_context(running("sidecar", tmp_path_factory.mktemp("gate")))


@pytest.fixture(scope="module")
def client(gate):
    cookie = gatekeeper.issue_consent(config=gate.runtime.policy, analytics=True).partition(";")[0]
    headers = {"Cookie": cookie, "Origin": ORIGIN}
    with httpx.Client(base_url=gate.url, headers=headers, trust_env=False) as one:
        yield one


@law
@given(form=st.sampled_from(sorted(FORMS)), coded=st.sampled_from(sorted(ENCODERS)), canary=fields, agent=canaries)
def test_a_stripped_value_of_a_call_is_nowhere_in_the_bytes_sent(gate, client, form, coded, canary, agent):
    """Every form and coding, by a real server to a real vendor; headers, target and body, opened."""
    gate.sims.clear()
    method, target, body = FORMS[form](canary)
    headers = {"X-Note": agent.encode().hex(), "Referer": f"https://shop.example/?m={agent.encode().hex()}"}
    if body and coded != "identity":
        headers["Content-Encoding"] = coded
    answer = client.request(
        method, "/gk/to/ga4" + target, content=ENCODERS[coded](body) if body else b"", headers=headers
    )
    assert (answer.status_code, answer.headers["gatekeeper-decision"].partition(";")[0]) == (204, "sent")
    (request,) = gate.sims.ga4.received
    opened = coding.decode(request.body, request.header("content-encoding") or "", 2**20)
    seen = request.raw + b"\n" + opened
    for name, value in canary.items():
        number = "".join(filter(str.isdigit, value))[-7:]
        for looked_for in (value, number):
            assert found_in(seen, looked_for) is None, (name, looked_for)
    assert found_in(seen, agent) is None


def test_the_law_can_fail(gate, client):
    """What may be sent is found by the same look."""
    gate.sims.clear()
    method, target, _ = web_query({"uid": "canary"})
    client.request(method, "/gk/to/ga4" + target)
    (request,) = gate.sims.ga4.received
    assert found_in(request.raw, "shop.example") is not None and found_in(request.raw, "page_view") is not None


def test_every_dialect_of_ga4_is_in_the_law():
    """A new one comes with its form."""
    assert {one.NAME for one in DIALECTS if one.KIND == "ga4"} == {"ga4 /g/collect", "ga4 /mp/collect"}
