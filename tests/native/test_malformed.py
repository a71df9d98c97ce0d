"""Bodies that no SDK wrote: never a crash of the gate, never more sent than was asked, always an answer."""

import base64
import gzip
import json
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.model import Answer
from tests.native.kit import gate_of, plan, request, stamp, visitor
from tests.sizes import sized

ON = {"Analytics": True, "Advertising": True}
# Per product: a path that takes anything, the key of its list, and what an event looks like.
PRODUCTS = {
    "plausible": (
        "/api/event",
        "",
        {"name": "pageview", "url": "https://shop.example/", "domain": "shop.example", "props": {}},
    ),
    "matomo": ("/matomo.php", "requests", {"idsite": 1, "rec": 1, "url": "/", "ec_items": "[[]]"}),
    "umami": (
        "/api/send",
        "",
        {"type": "event", "payload": {"website": "0" * 8 + "-0000" * 3 + "-" + "0" * 12, "url": "/"}},
    ),
    "posthog": ("/batch/", "batch", {"event": "seen", "distinct_id": "a", "properties": {}, "timestamp": "2026-11-20"}),
    "snowplow": ("/com.acme/tp2", "data", {"e": "ue", "p": "web", "tv": "js-1", "ue_px": "e30", "cx": "W10"}),
    "segment": (
        "/v1/batch",
        "batch",
        {"type": "page", "anonymousId": "a", "context": {"consent": {"categoryPreferences": ON}}, "integrations": {}},
    ),
    "rudderstack": ("/v1/batch", "batch", {"type": "page", "userId": "a", "context": {"consentManagement": {}}}),
    "mixpanel": ("/track", "", {"event": "seen", "properties": {"distinct_id": "a", "time": 1}}),
    "amplitude": ("/2/httpapi", "events", {"event_type": "seen", "device_id": "a", "time": 1}),
}
SECRET = "canary-jane@example.com"
BROKEN = [
    b"",
    b"null",
    b"7",
    b'"text"',
    b"[]",
    b"{}",
    b"[[]]",
    b"[null]",
    b"{",
    b'{"a":1,"a":2}',
    b'{"a":NaN}',
    b"[" * 5_000 + b"]" * 5_000,
    b"\xff\xfe{}",
    b"\x1f\x8bnot gzip",
    gzip.compress(b"{}")[:-4],
    gzip.compress(b"[]" + b" " * 9_000_000),
    b"data=",
    b"data=%7B",
    b"data=!!!!",
    b"data=%ff",
    b"data=" + quote(base64.b64encode(b"\xff\xff")).encode(),
    b"data=%7B%7D&data=%7B%7D",
    "dätä".encode(),
    b"&" * 3_000,
    b"a=b&" * 3_000,
    b'{"batch":{}}',
    b'{"batch":[1]}',
    b'{"events":[[]]}',
    b'{"requests":["",null]}',
    b'{"data":["?"]}',
    b'{"requests":"?idsite=1&rec=1"}',
]


@pytest.fixture(scope="module")
def gates():
    """One gate each."""
    return {product: gate_of(product, api_key="KEY") for product in PRODUCTS}


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("body", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_body_is_not_sent_and_is_answered(product, body, gates):
    """As the SDK expects, so that it does not send the same again for ever."""
    path, _, _ = PRODUCTS[product]
    made = plan(gates[product], request(path, body), visitor("analytics", "marketing"))
    assert made.outgoing is None
    assert made.reason in ("call_unreadable", "insufficient_data"), made.reason
    assert 200 <= made.answer.status < 300
    assert len(made.plans) >= 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=6)
    | st.sampled_from([SECRET, "", "2026-11-20T10:00:00Z", "1795473718139", "e30=", "?idsite=1&rec=1", "C0004"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | st.sampled_from([
        "properties", "context", "consent", "categoryPreferences", "consentManagement", "allowedConsentIds", "page",
        "url", "traits", "payload", "data", "schema", "event", "batch", "$set", "gatekeeper_context", "items",
        "ec_items", "cx", "co", "ue_px", "ue_pr", "idgoal", "integrations", "time", "timestamp",
    ]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def mangled(product: str) -> st.SearchStrategy[object]:
    """An event of this product with some of its values replaced by anything, and more beside them."""
    _, _, event = PRODUCTS[product]
    replaced = st.fixed_dictionaries({key: st.just(value) | JSON for key, value in event.items()})
    more = st.dictionaries(
        st.sampled_from(["properties", "context", "payload", "gatekeeper_context", "cx", "ue_px", "x"]), JSON
    )
    return st.builds(lambda one, other: {**other, **one}, replaced, more)


def refused(token: str) -> None:
    raise ValueError(token)


@pytest.mark.parametrize("product", PRODUCTS)
@settings(max_examples=sized(25), deadline=None)
@given(st.data())
def test_any_event_is_sent_filtered_or_not_at_all(product, gates, data):
    """Never `internal_error`; what goes out is JSON again, without the canary, and not more events than came."""
    path, key, _ = PRODUCTS[product]
    events = data.draw(st.lists(mangled(product), min_size=1, max_size=3))
    beside = data.draw(
        st.dictionaries(st.sampled_from(["context", "sentAt", "schema", "x", "writeKey"]), JSON, max_size=2)
    )
    body = {**beside, key: events} if key else events[0]
    made = plan(
        gates[product], request(path, body, user_agent=SECRET, referer=SECRET), visitor("analytics", "marketing")
    )
    assert made.reason != "internal_error"
    assert made.dialect.accepted(made.native).status < 300 if made.native else made.answer.status < 300
    if made.outgoing is not None:
        out = json.loads(made.outgoing.body, parse_constant=refused)
        left = out[key] if key else [out]
        assert 1 <= len(left) == sum(one is not None for one in made.kept) <= len(events)
        assert b"canary" not in made.outgoing.body and "canary" not in made.outgoing.url


@pytest.mark.parametrize("product", PRODUCTS)
@settings(max_examples=sized(25), deadline=None)
@given(body=st.binary(max_size=300), query=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60))
def test_any_bytes_are_judged(product, gates, body, query):
    """Forms, half a JSON, noise."""
    path, _, _ = PRODUCTS[product]
    made = plan(gates[product], request(f"{path}?{query}", body), visitor("analytics", "marketing"))
    assert made.reason != "internal_error"


@pytest.mark.parametrize("product", PRODUCTS)
@settings(max_examples=sized(25), deadline=None)
@given(answer=st.binary(max_size=60) | JSON.map(lambda one: json.dumps(one).encode()), status=st.integers(200, 599))
def test_any_answer_of_the_vendor_can_be_relayed(product, gates, answer, status):
    """Garbage in, an answer out; none of its bytes are trusted."""
    path, key, event = PRODUCTS[product]
    if product == "snowplow":
        event = {"e": "pv", "p": "web", "tv": "js-1"}
    made = plan(gates[product], request(path, {key: [event]} if key else event), visitor("analytics"))
    assert made.outgoing is not None, made.reason
    relayed = made.dialect.relayed(Answer(status, (("Set-Cookie", "a=b"),), answer), made.native, made.kept)
    assert relayed.status == status or (200 <= status < 300 and 200 <= relayed.status < 300)
    assert all(name in ("Content-Type", "Retry-After") for name, _ in relayed.headers)
    assert len(made.dialect.read_answer(Answer(status, (), answer), 1)) == 1


@pytest.mark.parametrize("product", PRODUCTS)
def test_an_event_of_very_many_keys_is_none(product, gates):
    """Every name of what was stripped stands in the audit line: there is a limit to that."""
    path, key, event = PRODUCTS[product]
    event = {**event, "properties": {f"k{n}": n for n in range(2_001)}}
    made = plan(gates[product], request(path, {key: [event]} if key else event), visitor("analytics"))
    assert made.outgoing is None and made.reason == "call_unreadable"


def test_a_mark_never_leaves_wherever_it_stands():
    """At any depth, in any product."""
    token = stamp("analytics")
    for product, (path, key, event) in PRODUCTS.items():
        if product == "snowplow":
            event = {"e": "pv", "p": "web", "tv": "js-1"}
        for mark in ({"gatekeeper_context": token}, {"properties": {"gatekeeper_context": token}},
                     {"context": {"$gatekeeper_context": {"token": token}}}):  # fmt: skip
            body = {**event, **mark}
            made = plan(gate_of(product), request(path, {key: [body]} if key else body))
            assert made.outgoing is not None, (product, mark, made.reason)
            assert token.encode() not in made.outgoing.body
