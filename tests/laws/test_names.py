"""What is remembered of events' names gives the decisions that would be made anew, and holds no values."""

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.decision import decide
from gatekeeper.gate.deciding import MOST_NAMES, Deciding, asked_of, filled, stance_of
from gatekeeper.memory import Compiled
from gatekeeper.model import Caller, Event, Personal
from tests.builders import EVERY_KIND, NOW, make_gate, make_policy, own_cookie
from tests.laws.test_laws import law

KNOWN = ("page_url", "order_value", "email_hash", "ip", "user_agent", "client_id", "fbclid")
UNKNOWN = ("nobodys", "(unprintable name)")
STILL = {"kind": "first_party", "endpoint": "https://own.example", "purpose": "marketing", "on_opt_out": "contextual"}
GATE = make_gate(make_policy(destinations=EVERY_KIND | {"still": STILL}, jurisdiction={"default": "ccpa"}))
HEADERS = ((b"cookie", own_cookie("analytics", "marketing").encode()),)
TO = tuple(GATE.policy.destinations.values())
DECIDING = Deciding(GATE.policy.catalogue, GATE.policy.words)


@st.composite
def named(draw):
    """An event whose names are in its data, unusable, or (as no caller makes them) in both."""
    names = draw(st.permutations([*KNOWN, *UNKNOWN]))[: draw(st.integers(0, len(KNOWN) + len(UNKNOWN)))]
    places = {name: draw(st.sampled_from(["data", "data", "unusable", "both"])) for name in names if name in KNOWN}
    value = str(draw(st.integers()))
    return Event(
        "purchase",
        "e-1",
        NOW,
        {
            name: Personal(value, hashed=False) if name == "email_hash" else value
            for name, place in places.items()
            if place != "unusable"
        },
        offered=dict.fromkeys(draw(st.lists(st.sampled_from(["ip", "user_agent", "currency"]), unique=True)), value),
        unusable={
            name: draw(st.sampled_from(["invalid", "not_needed"])) if name in KNOWN else "unknown_field"
            for name in names
            if places.get(name) != "data"
        },
        names=tuple(names),
    )


@law
@given(st.lists(named(), min_size=1, max_size=4), st.booleans())
def test_what_is_remembered_is_what_would_be_decided(events, granted):
    """At every kind of destination, in any order, for events that differ in values, names or causes."""
    caller = Caller(headers=HEADERS if granted else ((b"sec-gpc", b"1"),), address="127.0.0.1")
    place, consent, _ = GATE.situations.of(caller, at=NOW, event_time=NOW, query=b"")
    for event in [*events, *events]:
        asked = asked_of(event)
        for to in TO:
            remembered = DECIDING.of(event, asked, consent, place, to)
            fresh = filled(decide(asked, stance_of(consent, place), to), event)
            assert remembered == fresh
            assert [*remembered.kept.items()] == [*fresh.kept.items()]
            assert [*remembered.stripped.items()] == [*fresh.stripped.items()]


def test_the_values_are_those_of_the_event_itself():
    """Two events of the same names: what is kept of the second one is the second one's."""
    place, consent, _ = GATE.situations.of(Caller(headers=HEADERS), at=NOW, event_time=NOW, query=b"")
    for to in TO:
        for value in ("first", "second"):
            names = tuple(sorted(to.fields))
            event = Event("purchase", "e-1", NOW, dict.fromkeys(names, value), names=names)
            assert DECIDING.of(event, asked_of(event), consent, place, to).kept == dict.fromkeys(names, value)


def asked_with(*names):
    """What is remembered of an event with these unknown names."""
    deciding = Deciding(GATE.policy.catalogue, GATE.policy.words)
    place, consent, _ = GATE.situations.of(Caller(headers=HEADERS), at=NOW, event_time=NOW, query=b"")
    event = Event("purchase", "e-1", NOW, {}, unusable=dict.fromkeys(names, "unknown_field"), names=names)
    deciding.of(event, asked_of(event), consent, place, TO[0])
    return len(deciding)


def test_a_sender_cannot_fill_the_memory():
    """Names that no catalogue has are the sender's to choose: what is remembered of them stays bounded."""
    deciding = Deciding(GATE.policy.catalogue, GATE.policy.words)
    place, consent, _ = GATE.situations.of(Caller(headers=HEADERS), at=NOW, event_time=NOW, query=b"")
    for n in range(Compiled.most + 200):
        name = "x" + "abcdefghij"[n % 10] * (n // 10 % 60) + "klmnopqrst"[n // 600 % 10]
        event = Event("purchase", f"e-{n}", NOW, {}, unusable={name: "unknown_field"}, names=(name,))
        deciding.of(event, asked_of(event), consent, place, TO[n % len(TO)])
        assert 0 < len(deciding) <= Compiled.most


def test_a_name_that_may_be_somebodys_is_not_remembered():
    """It is judged each time; so is an event with very many names."""
    assert asked_with("note") == asked_with("customer_note", "plan") == 1
    assert asked_with("jane.doe@example.com") == asked_with("note", "+4915123456789") == 0
    assert asked_with("amFuZS5kb2VAbWFpbC5leGFtcGxl") == asked_with("x" * 129) == 0
    assert asked_with(*["x" * (n + 1) for n in range(MOST_NAMES)]) == 1
    assert asked_with(*["x" * (n + 1) for n in range(MOST_NAMES + 1)]) == 0
