"""What a destination remembers of an event's names is what would be sorted anew, and it remembers no values."""

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper import decision
from gatekeeper.decision import decide, sort_names
from gatekeeper.gate import Caller
from gatekeeper.model import Event, Personal
from tests.builders import EVERY_KIND, NOW, make_gate, make_policy, own_cookie
from tests.laws.test_laws import law

KNOWN = ("page_url", "order_value", "email_hash", "ip", "user_agent", "client_id", "fbclid")
UNKNOWN = ("nobodys", "(unprintable name)")
GATE = make_gate(make_policy(destinations=EVERY_KIND))
TO = tuple(GATE.policy.destinations.values())


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
def test_what_is_remembered_is_what_would_be_sorted(events, contextual):
    """At every kind of destination, in any order, for events that differ in values, names or causes."""
    for event in [*events, *events]:
        for to in TO:
            remembered, fresh = decision._remembered(event, to, contextual), sort_names(event, to, contextual)
            assert remembered == fresh
            assert [*remembered.stripped.items()] == [*fresh.stripped.items()]


def test_the_values_are_those_of_the_event_itself():
    """Two events of the same names: what is kept of the second one is the second one's."""
    caller = Caller(headers=((b"cookie", own_cookie("analytics", "marketing").encode()),))
    place, consent = GATE.situation(caller, at=NOW, event_time=NOW, query=b"")
    for to in TO:
        for value in ("first", "second"):
            names = tuple(sorted(to.fields))
            kept = decide(
                Event("purchase", "e-1", NOW, dict.fromkeys(names, value), names=names), consent, place, to
            ).kept
            assert kept == dict.fromkeys(names, value)


def test_a_sender_cannot_fill_the_memory():
    """Names nobody knows are the sender's to choose: what is remembered of them stays bounded."""
    to = TO[0]
    for n in range(3 * decision._MOST_SORTED):
        unknown = {f"x{n}": "unknown_field"}
        decision._remembered(Event("purchase", "e-1", NOW, {}, unusable=unknown, names=tuple(unknown)), to, False)
    assert len(to.sorted_names) <= decision._MOST_SORTED
    to.sorted_names.clear()
    many = {f"x{n}": "unknown_field" for n in range(decision._MOST_NAMES + 1)}
    decision._remembered(Event("purchase", "e-1", NOW, {}, unusable=many, names=tuple(many)), to, False)
    assert not to.sorted_names
