"""Bad input in every field, at every kind: dropped or clamped, listed in the decision, never sent raw."""

import orjson
import pytest

from gatekeeper.fields import CATALOGUE
from gatekeeper.gate.incoming import Posted
from gatekeeper.model import Caller, Verdict
from gatekeeper.vendors import KINDS
from tests.builders import EVERY_KIND, HASH, NOW, decisions, make_gate, make_policy, own_cookie, plan

GRANTED = [("cookie", own_cookie("analytics", "marketing"))]
GATE = make_gate(
    make_policy(
        destinations=EVERY_KIND
        | {"warehouse": EVERY_KIND["warehouse"] | {"fields": [
            row.name for row in CATALOGUE.by_key.values() if "marketing" in row.purposes], "rename": {}}},
        events={"all": {"destinations": list(EVERY_KIND)}},
    )
)  # fmt: skip
# What every destination needs to be asked at all.
BASE = {"session_id": "s_1", "gclid": "g1", "ttclid": "t1", "fbclid": "f1", "error_type": "E"}
MARK = "zqmarkzq"
WRONG = {
    "bool": True,
    "list-of-lists": [[MARK]],
    "object": {MARK: MARK},
    "nested": {"a": [{"b": MARK}]},
    "lone-surrogate": MARK + "\ud800",
}
ODD = {
    "10-kb": MARK * 1250,
    "emoji": MARK + "🎉",
    "right-to-left": MARK + "\u202eשלום",
    "two-ats": f"{MARK}@@example.com",
    "63-digits": HASH[:63],
    "upper-hash": HASH.upper(),
    "nul": MARK + "\x00",
    "huge-number": 10**30,
    "zero": 0,
    "empty": "",
}
FIELDS = [row for row in CATALOGUE.by_key.values() if row.name not in ("event_id", "event_time")]


def requests(made):
    """Destination -> the bytes it would get."""
    for name, shaped in made.shaped.items():
        to = GATE.policy.destinations[name]
        outgoing = KINDS[to.kind.name].assemble(to, shaped.head, [shaped.body])
        yield name, outgoing.url.encode() + outgoing.body


def planned(data):
    """What the gate would do with values as they are, past what JSON itself cannot carry."""
    caller = Caller(headers=tuple((name.encode(), value.encode()) for name, value in GRANTED))
    return GATE.plan(Posted("all", BASE | data), caller, at=NOW, request_id="req_test")


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("field", FIELDS, ids=lambda row: row.name)
def test_a_value_of_the_wrong_type_goes_nowhere(field, kind):
    """Stripped as `invalid` wherever the event goes; no byte of it is sent."""
    made = planned({field.name: WRONG[kind]})
    for decision in made.decisions:
        assert decision.reason != "internal_error"
        if decision.verdict is not Verdict.BLOCK:
            assert decision.stripped[field.key] == "invalid"
    for _, body in requests(made):
        assert MARK.encode() not in body


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("field", FIELDS, ids=lambda row: row.name)
def test_an_odd_value_is_accounted_for_and_personal_ones_are_never_raw(field, kind):
    """Every request stays well-formed JSON under a bound, and every kind answers with a decision."""
    made = planned({field.name: ODD[kind]})
    for decision in made.decisions:
        assert decision.reason in (None, "insufficient_data")
        if decision.verdict is not Verdict.BLOCK:
            assert {CATALOGUE.by_name[n].key for n in decision.kept} | set(decision.stripped) == set(made.event.names)
    for name, body in requests(made):
        assert len(body) < 25_000
        assert b"\\ud800" not in body
        if field.hashed_as is not None:
            assert MARK.encode() not in body, name
            assert HASH[:63].encode() not in body or kind == "upper-hash"
            assert HASH.upper().encode() not in body


@pytest.mark.parametrize(
    ("currency", "value"), [("EURO", 1), ("XXZ", 1), ("€", 1), ("EUR", "12,50"), ("EUR", "NaN"), (5, 5.0)]
)
def test_a_currency_or_price_that_is_none_is_dropped(currency, value):
    """And the rest of the event is sent."""
    made = planned({"currency": currency, "order_value": value})
    for name in ("meta_capi", "google_ads", "tiktok"):
        decision = decisions(made)[name]
        assert decision.verdict is Verdict.SEND
        bad = {"currency"} if currency != "EUR" else {"order_value"}
        assert {key for key, why in decision.stripped.items() if why == "invalid"} == bad


def test_requests_are_json():
    """A smoke test of the above: the base event itself reaches every kind."""
    made = planned({})
    got = dict(requests(made))
    assert set(got) == set(EVERY_KIND)
    assert orjson.loads(got["tiktok"].partition(b"track/")[2])["event_source"] == "web"


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        pytest.param(-1, set(EVERY_KIND), id="in-the-future"),
        pytest.param(4, set(EVERY_KIND) - {"ga4"}, id="over-72-hours"),
        pytest.param(8, set(EVERY_KIND) - {"ga4", "meta_capi"}, id="over-7-days"),
        pytest.param(29, set(EVERY_KIND) - {"ga4", "meta_capi", "tiktok"}, id="over-28-days"),
    ],
)
def test_a_time_out_of_bounds_is_clamped_or_refused_as_the_vendor_documents(days, expected):
    """The future becomes now; what is too old for a vendor is `insufficient_data` there."""
    event = {"event": "all", "event_time": NOW - days * 86_400, "consent": {"analytics": True, "marketing": True}}
    made = plan(event | {"data": BASE}, gate=GATE, trusted=True)
    assert made.event.time <= NOW
    assert {name for name, decision in decisions(made).items() if decision.verdict is Verdict.SEND} == expected
