"""Meta's pixel through the gate: what a page's own hits may still say."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.model import Answer, Call
from gatekeeper.vendors.formats import form
from gatekeeper.vendors.formats.replies import GIF
from tests.builders import make_gate, make_policy
from tests.native.requests import EVERYTHING, answered, body, everything, planned, query, vector

ACCOUNT = "123456789"
SWAPS = (("id=123456&", f"id={ACCOUNT}&"), ("id=264307013931375", f"id={ACCOUNT}"))


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def send(call: Call, *granted: str, gate=None, **more):
    return planned(gate or make_gate(), "meta_capi", call, *(granted or EVERYTHING), **more)


def hit(*more: tuple[str, str]) -> Call:
    """A GET with these parameters besides what every hit has."""
    pairs = [("id", ACCOUNT), ("ev", "PageView"), ("dl", "https://shop.example/"), *more]
    return Call("GET", "/tr/", urlencode(pairs))


def test_a_purchase_keeps_what_marketing_covers():
    """Product data, ids and hashed matching fields; addresses without click ids; no screen, no referrer."""
    made = send(vector("meta-pixel-get", *SWAPS))
    sent = query(made)
    assert sent["dl"] == "https://shop.example/thanks" and "rl" not in sent
    assert json.loads(sent["cd[contents]"]) == [{"id": "1234", "quantity": 2, "item_price": 10}]
    assert (sent["cd[value]"], sent["cd[currency]"], sent["eid"]) == ("25", "USD", "evt-1")
    assert sent["ud[em]"] == "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d"
    assert {"ud[ph]", "ud[external_id]", "fbp", "fbc", "it", "coo"} <= sent.keys()
    assert {"sw", "sh"} & sent.keys() == set()
    stripped = made.plans[0].decisions[0].stripped
    assert stripped["viewport"] == "purpose" and stripped["fbclid"] == "not_needed"
    assert made.plans[0].event.name == "purchase" and made.outgoing.url.startswith("https://www.facebook.com/tr/?")


def test_brackets_may_be_percent_encoded_and_limited_data_use_stays():
    """Automatic matching is judged as matching is; other custom data goes nowhere."""
    sent = query(send(vector("meta-pixel-pct-brackets-ldu", *SWAPS)))
    assert {"ud[em]", "ud[ph]", "udff[em]"} <= sent.keys() and "cd[x]" not in sent
    assert (sent["dpo"], sent["dpoco"], sent["dpost"]) == ("LDU", "1", "1000")


@pytest.mark.parametrize("name", ["meta-pixel-get", "meta-pixel-pct-brackets-ldu"])
@pytest.mark.parametrize("granted", [(), ("analytics",)], ids=["silent", "analytics"])
def test_without_consent_the_page_gets_its_picture_and_meta_nothing(name, granted):
    """A GIF that is one."""
    made = planned(make_gate(), "meta_capi", vector(name, *SWAPS), *granted)
    assert made.outgoing is None and made.reason == "no_marketing_consent"
    assert made.answer == Answer(200, (("Content-Type", "image/gif"),), GIF) and len(GIF) == 42


PERSONAL = {
    "em": (" Jane@Example.com", sha("jane@example.com")),
    "ph": ("+1 415 555 0100", sha("14155550100")),
    "fn": ("Jane", sha("jane")),
    "ln": ("Doe", sha("doe")),
    "db": ("19970216", sha("19970216")),
    "ge": ("female", sha("f")),
    "ct": ("menlopark", sha("menlopark")),
    "st": ("California", sha("ca")),
    "zp": ("94103", sha("94103")),
    "country": ("United States", sha("us")),
    "external_id": ("u-77", sha("u-77")),
}


@pytest.mark.parametrize("key", PERSONAL)
@pytest.mark.parametrize("group", ["ud", "udff"])
def test_a_clear_matching_field_goes_out_hashed(key, group):
    """By the rules of the Conversions API; one that the allow-list does not name goes nowhere."""
    raw, normal = PERSONAL[key]
    call = hit((f"{group}[{key}]", raw))
    assert query(send(call))[f"{group}[{key}]"] == normal
    narrow = {"kind": "meta_capi", "pixel_id": ACCOUNT, "access_token": "t", "fields": ["page_url"]}
    made = send(call, gate=make_gate(make_policy(destinations={"meta_capi": narrow})))
    assert f"{group}[{key}]" not in query(made) and raw.encode() not in everything(made)


@pytest.mark.parametrize(
    "more",
    [
        ("cd[buttonText]", "Call jane@example.com"),
        ("cd[formFeatures]", '[{"name":"email"}]'),
        ("cd[search_string]", "jane doe"),
        ("ud[uid]", "u-77"),
        ("cd[contents]", "[{"),
        ("cd[contents]", '{"id":"jane"}'),
        ("a", "jane@example.com"),
        ("dpo", "jane"),
        ("fbp", "jane@example.com"),
    ],
    ids=lambda more: more[0],
)
def test_what_nobody_asked_for_is_left_out(more):
    """And the hit goes out without it."""
    made = send(hit(more))
    assert more[0] not in query(made) and b"jane" not in everything(made)


@pytest.mark.parametrize("coat", [form.URLENCODED, form.MULTIPART])
def test_a_beacon_goes_out_as_it_came(coat):
    """Parameters of the body stay in the body, those of the query in the query."""
    pairs = [("ev", "SubscribedButtonClick"), ("cd[buttonText]", "jane"), ("ud[em]", "jane@example.com"), ("dpo", "")]
    kind, text = form.write(coat, pairs)
    call = Call("POST", "/tr/", f"id={ACCOUNT}", ((b"content-type", kind.encode()),), text)
    made = send(call)
    assert body(made) == {"ev": "SubscribedButtonClick", "ud[em]": sha("jane@example.com")}
    assert query(made) == {"id": ACCOUNT, "dpo": ""}
    assert made.outgoing.headers[0][1].startswith(coat) and made.answer == Answer(200)


def test_an_opt_out_that_is_not_honoured_is_told_with_a_state():
    """Meta sees the gate's address, not the visitor's, and could not locate anybody."""
    gate = make_gate(make_policy(consent={"gpc": "where_required"}, jurisdiction={"default": "ucpa"}))
    sent = query(send(hit(("dpo", "")), gate=gate, headers=(("sec-gpc", "1"),), address="127.0.0.1"))
    assert (sent["dpo"], sent["dpoco"], sent["dpost"]) == ("LDU", "1", "1000")


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (Call("GET", "/tr/", "id=987&ev=PageView"), "unlisted_destination"),
        (Call("GET", "/tr/", f"id={ACCOUNT}&id=987&ev=PageView"), "call_unreadable"),
        (Call("GET", "/tr/", f"id={ACCOUNT}"), "insufficient_data"),
        (Call("GET", "/tr/", "ev=PageView"), "insufficient_data"),
        (Call("GET", "/tr/", "a=%ff"), "call_unreadable"),
        (Call("GET", "/tr/x", f"id={ACCOUNT}&ev=PageView"), "call_unreadable"),
        (Call("PUT", "/tr/", f"id={ACCOUNT}&ev=PageView"), "call_unreadable"),
    ],
)
def test_what_is_not_a_hit_of_this_pixel_is_blocked(call, reason):
    """Another account, two accounts, no event, no pixel's path."""
    made = send(call)
    assert made.outgoing is None and made.reason == reason


def test_the_page_never_sees_more_than_a_picture():
    """Neither cookies nor redirects; an error is its status."""
    gate = make_gate()
    made = send(hit(), gate=gate)
    good = answered(gate, made, Answer(302, (("Location", "https://example.com"), ("Set-Cookie", "a=b"))))
    assert good == Answer(200, (("Content-Type", "image/gif"),), GIF)
    assert answered(gate, made, Answer(500, (), b"<html>")) == Answer(500)


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=60), st.binary(max_size=60), st.sampled_from([form.URLENCODED, "multipart/form-data; boundary=x"])
)
def test_no_bytes_make_the_gate_fail(text, noise, kind):
    """Whatever stands in the query or the body."""
    for call in (
        Call("GET", "/tr/", f"id={ACCOUNT}&ev=PageView&{text}"),
        Call("POST", "/tr/", f"id={ACCOUNT}&ev=PageView", ((b"content-type", kind.encode()),), noise),
    ):
        assert send(call).reason in (None, "call_unreadable", "insufficient_data")
