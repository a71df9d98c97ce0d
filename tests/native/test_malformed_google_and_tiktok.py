"""What is no request of Google Ads or TikTok, or only nearly one: blocked or clean, never an error of the gate."""

import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.gate.carry import finish_call
from gatekeeper.model import Answer, Call
from gatekeeper.model.reasons import INTERNAL, UNREADABLE_CALL
from tests.exchanges.exchange import mark
from tests.native.kit import LONG_GRANTED, VECTORS, gate_of, planned, request

GATES = {
    "google_ads": gate_of(),
    "google_data_manager": gate_of(customer_id="1234567890"),
    "tiktok": gate_of("tiktok"),
}
# Every endpoint with a JSON body, and a body to start from.
BODIES = {
    name: (one["vendor"], one["path_and_query"].partition("?")[0], json.loads(one["body"]))
    for name, one in VECTORS.items()
    if one["vendor"] in GATES and (one["body"] or "").startswith("{")
}
EVENT = BODIES["tiktok-v1-pixel-track"][2]
_API = "/open_api/v1.3/"
BODIES["tiktok-both-shapes"] = ("tiktok", _API + "event/track/", {"event_source_id": "PIXEL", "data": [EVENT, EVENT]})
BODIES["tiktok-pixel-batch"] = ("tiktok", _API + "pixel/batch/", {"pixel_code": "PIXEL", "batch": [EVENT, EVENT]})
TAG = [one for name, one in VECTORS.items() if one["vendor"] == "google_ads" and not one["body"]]

integers = st.integers(-(2**63), 2**64 - 1)  # what orjson reads
scalars = st.none() | st.booleans() | integers | st.floats(allow_nan=False) | st.text(max_size=20)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def nodes(value, path=()):
    """Every place in a JSON value."""
    yield path
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield from nodes(inner, (*path, step))


def with_node(value, path, new):
    """The value with something else at a place."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = with_node(value[path[0]], path[1:], new)
    return copy


def of_now(data):
    """A body of the policy's own pixel, of now, whose visitor refused nothing: as it is, it is sent."""
    text = orjson.dumps(data)
    for there, here in (
        (b"A1T8T4UYGVIQA8ORZMX9", b"PIXEL"),
        (b"BT24M8TQUU2IQ2BVG9NG", b"PIXEL"),
        (b"COQDA8RC77U2TMR44LI0", b"PIXEL"),
        (b"2020-09-17T19:49:27Z", b"2026-11-23T23:59:00Z"),
        (b"2021-06-10 18:08:04", b"2026-11-23 23:59:00"),
        (b'"adPersonalization":"DENIED"', b'"adPersonalization":"GRANTED"'),
        (b'"adPersonalization":2', b'"adPersonalization":1'),
    ):
        text = text.replace(there, here)
    return orjson.loads(text)


@pytest.mark.parametrize("name", BODIES)
def test_the_bodies_to_start_from_are_sent(name):
    """Else the cases below would prove nothing of what is written."""
    vendor, path, body = BODIES[name]
    assert planned(GATES[vendor], request(path, of_now(body)), LONG_GRANTED).outgoing is not None


@pytest.mark.parametrize("name", BODIES)
@settings(deadline=None)
@given(data=st.data())
def test_anything_in_the_place_of_anything(name, data):
    """One node of a good body replaced: still a decision, and whatever comes back can be told the caller."""
    vendor, path, body = BODIES[name]
    body = of_now(body)
    at = data.draw(st.sampled_from(list(nodes(body))))
    broken = orjson.dumps(with_node(body, at, data.draw(values)))
    gate = GATES[vendor]
    made = planned(gate, request(path, broken), LONG_GRANTED)
    assert made.reason != INTERNAL
    if made.outgoing is not None:
        assert isinstance(orjson.loads(made.outgoing.body), (dict, list))
        body = data.draw(values.map(orjson.dumps) | st.binary(max_size=40))
        told = finish_call(gate, made, Answer(data.draw(st.sampled_from([200, 400, 429, 500])), (), body))
        assert 200 <= told.status < 600


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"7", b'"x"', b'{"a":1,"a":2}', b"\xff", b'{"a":NaN}', b"[" * 50 + b"]" * 50, b"a=1&b=2",
     b'{"data":7,"batch":7,"events":7,"conversions":7,"conversionAdjustments":7}',
     b'{"data":[7],"batch":[7],"events":[7],"conversions":[7],"conversionAdjustments":[7]}'],
)  # fmt: skip
def test_what_is_no_body_of_the_api_is_blocked_with_its_success(name, body):
    """The SDK goes on; nothing is sent."""
    vendor, path, _ = BODIES[name]
    made = planned(GATES[vendor], request(path, body), LONG_GRANTED)
    assert made.outgoing is None and made.answer.status == 200
    assert made.reason in (UNREADABLE_CALL, "insufficient_data", "no_marketing_consent")
    assert made.reason == UNREADABLE_CALL or body[:1] == b"{"


@pytest.mark.parametrize(
    ("name", "key"),
    [("tiktok-pixel-batch", "batch"), ("tiktok-event-track", "data"), ("gads-uploadClickConversions", "conversions"),
     ("gads-uploadConversionAdjustments", "conversionAdjustments"), ("gdm-ingest-granted", "events")],
)  # fmt: skip
def test_each_event_is_decided_for_the_visitor_its_app_marked_it_with(name, key):
    """One batch, two visitors: the mark of each says what of it may go, and is not sent."""
    vendor, path, body = BODIES[name]
    body = of_now(body)
    row = body[key][0]
    marks = (mark("marketing"), mark("analytics"), "forged", mark("marketing"))
    body[key] = [row | {"gatekeeper_context": mark} for mark in marks]
    made = planned(GATES[vendor], request(path, orjson.dumps(body)))
    assert [one.decisions[0].reason for one in made.plans] == [
        None, "no_marketing_consent", "consent_unreadable", None,
    ]  # fmt: skip
    assert len(orjson.loads(made.outgoing.body)[key]) == 2
    assert b"gatekeeper" not in made.outgoing.body


@pytest.mark.parametrize("vector", TAG, ids=lambda one: one["id"])
@settings(deadline=None)
@given(data=st.data())
def test_any_parameters_of_the_tag(vector, data):
    """Queries and forms cut, doubled and filled with anything."""
    path, _, query = vector["path_and_query"].partition("?")
    start, end = sorted((data.draw(st.integers(0, len(query))), data.draw(st.integers(0, len(query)))))
    more = data.draw(st.text(alphabet="emdatvurlgclid.~;=&%0aF1", max_size=30))
    broken = query[:start] + more + query[end:]
    for call in (
        Call(vector["method"], path, broken),
        Call("POST", path, "", (), data.draw(st.sampled_from([broken.encode("latin-1", "replace"), more.encode()]))),
        Call("POST", path, query, (), data.draw(st.binary(max_size=30))),
    ):
        made = planned(GATES["google_ads"], call, LONG_GRANTED)
        assert made.reason != INTERNAL


@pytest.mark.parametrize("length", [2_001, 20_000])
def test_more_parameters_than_anybody_has(length):
    """A bound on work."""
    call = Call("GET", "/ccm/collect", "&".join(["a=1"] * length))
    assert planned(GATES["google_ads"], call, LONG_GRANTED).reason == UNREADABLE_CALL


def test_more_events_than_anybody_sends():
    """A bound on work."""
    call = request("/open_api/v1.3/event/track/", {"data": [{}] * 5_001})
    assert planned(GATES["tiktok"], call, LONG_GRANTED).reason == UNREADABLE_CALL
