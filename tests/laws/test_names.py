"""What is remembered of events' names gives the decisions that would be made anew, and holds no values."""

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper import decision
from gatekeeper.decision import Layouts, decide
from gatekeeper.model import Caller, Event, Personal
from tests.builders import EVERY_KIND, NOW, make_gate, make_policy, own_cookie
from tests.laws.test_laws import law

KNOWN = ("page_url", "order_value", "email_hash", "ip", "user_agent", "client_id", "fbclid")
UNKNOWN = ("nobodys", "(unprintable name)")
STILL = {"kind": "first_party", "endpoint": "https://own.example", "purpose": "marketing", "on_opt_out": "contextual"}
GATE = make_gate(make_policy(destinations=EVERY_KIND | {"still": STILL}, jurisdiction={"default": "ccpa"}))
HEADERS = ((b"cookie", own_cookie("analytics", "marketing").encode()),)
TO = tuple(GATE.policy.destinations.values())
LAYOUTS = Layouts(len(TO))


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
        layout = LAYOUTS.of(event)
        for to in TO:
            remembered, fresh = decide(event, consent, place, to, sort=layout.sort), decide(event, consent, place, to)
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
            assert decide(event, consent, place, to, sort=LAYOUTS.of(event).sort).kept == dict.fromkeys(names, value)


def test_a_sender_cannot_fill_the_memory():
    """Names nobody knows are the sender's to choose: what is remembered of them stays bounded."""
    layouts = Layouts(1)
    for n in range(1_500):
        unknown = {f"x{n}": "unknown_field"}
        layouts.of(Event("purchase", "e-1", NOW, {}, unusable=unknown, names=tuple(unknown)))
        assert 0 < len(layouts) <= 512
    before = len(layouts)
    many = {f"x{n}": "unknown_field" for n in range(decision.MOST_NAMES + 1)}
    layouts.of(Event("purchase", "e-1", NOW, {}, unusable=many, names=tuple(many)))
    assert len(layouts) == before
