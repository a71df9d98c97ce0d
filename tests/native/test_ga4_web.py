"""GA4's web hits through the gate: real requests in, what may be sent out."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from gatekeeper.calls import plan_call
from gatekeeper.gate import Caller
from gatekeeper.model import Call
from tests.builders import make_gate, own_cookie

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "native_requests.json").read_text("utf-8"))


def test_a_hit_keeps_the_analytics_fields_and_nothing_personal():
    """The guide's tiers, on gtag's own wire."""
    vector = next(one for one in VECTORS if one["id"] == "ga4-web-userdata")
    path, _, query = vector["path_and_query"].partition("?")
    headers = tuple((k.lower().encode(), v.encode()) for k, v in vector["headers"].items())
    query = query.replace("G-2LNCGK63HR", "G-TEST")
    gate = make_gate()
    cookie = (b"cookie", own_cookie("analytics").encode())
    call = Call(vector["method"], path, query, headers, vector["body"].encode())
    made = plan_call(gate, gate.policy.destinations["ga4"], call, Caller(headers=(*headers, cookie)))
    assert made.outgoing is not None, made
    sent = parse_qs(urlsplit(made.outgoing.url).query)
    assert {"em", "emd", "ecsid", "uid", "up.plan", "upn.age"} & sent.keys() == set()
    assert sent["dl"] == ["https://shop.example/account"]
    assert sent["gcs"] == ["G101"] and sent["npa"] == ["1"]
    assert b"em=" not in made.outgoing.body and made.outgoing.body.startswith(b"en=click")


@pytest.mark.parametrize("vector", [one for one in VECTORS if one["vendor"] == "ga4"], ids=lambda one: one["id"])
def test_without_consent_nothing_is_sent_and_the_page_gets_its_204(vector):
    """An unknown visitor under the strictest law."""
    path, _, query = vector["path_and_query"].partition("?")
    query = query.replace("G-2LNCGK63HR", "G-TEST").replace("G-ABCDEF1234", "G-TEST")
    gate = make_gate()
    call = Call(vector["method"], path, query, (), (vector["body"] or "").encode())
    made = plan_call(gate, gate.policy.destinations["ga4"], call, Caller())
    assert made.outgoing is None and made.answer.status in (200, 204)
    assert made.reason in ("no_analytics_consent", "unlisted_destination")
