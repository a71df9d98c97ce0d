"""What a gate remembers of a visitor is what it would work out anew."""

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.model import Caller, Found
from tests.builders import NOW, make_gate, make_policy, own_cookie
from tests.laws.test_laws import law

DAY = 86_400.0
# Grants of the cookies below expire at some of these; at others a law begins (2027-01-01).
MOMENTS = st.one_of(
    st.sampled_from([NOW - 400 * DAY, NOW, NOW + 365 * DAY - 100, NOW + 365 * DAY, 1_798_761_600.0, 1_798_761_599.0]),
    st.floats(NOW - 2 * DAY, NOW + 2 * DAY),
)
WHERE = {"193.99.144.80": Found("DE"), "3.2.1.1": Found("US", "CA"), "3.2.1.2": Found("US", "TX")}
COOKIES = [
    own_cookie("analytics", "marketing", at=NOW - 100),
    own_cookie("analytics", at=NOW + 30),
    own_cookie("marketing", at=NOW - 365 * DAY + 5),
    own_cookie(at=NOW - 10),
    "cookieyes-consent=consent:yes,action:yes,analytics:yes,advertisement:no",
    "other=1",
]
CALLERS = st.builds(
    lambda cookie, gpc, address, edge, residence, band: Caller(
        headers=(
            *(() if cookie is None else ((b"cookie", cookie.encode()),)),
            *((b"sec-gpc", b"1") for _ in range(gpc)),
            (b"user-agent", b"test"),
        ),
        address=address,
        edge=edge,
        residence=residence,
        age_band=band,
    ),
    st.none() | st.sampled_from(COOKIES),
    st.integers(0, 1),
    st.none() | st.sampled_from([*WHERE, "10.0.0.1"]),
    st.sampled_from([None, ("US", "CA"), ("DE", None)]),
    st.sampled_from([None, ("US", "TX")]),
    st.sampled_from([None, "13_15", "adult"]),
)
ASKED = st.tuples(
    CALLERS,
    MOMENTS,
    st.sampled_from([None, {"analytics": True}, {"marketing": False}, {"analytics": True, "marketing": True}]),
    st.sampled_from([b"", b"v=2&cid=1.2", b"gcs=G100", b"us_privacy=1YYN", b"g%63s=G100", b"gpp"]),
    st.sampled_from([0.0, 0.0, 10.0, 50.0, 100.0, 100.5, 366 * DAY, -1.0]),  # how long before `at` it happened
)


def situation(gate, asked):
    caller, at, claim, query, before = asked
    return gate.situations.of(caller, at=at, event_time=at - before, query=query, claim=claim)


@law
@given(st.lists(ASKED, min_size=2, max_size=12))
def test_what_is_remembered_is_what_would_be_worked_out(questions):
    """Of any visitors in any order, clocks that go back included."""
    policy = make_policy()
    remembering = make_gate(policy, lookup=WHERE.get)
    for asked in [*questions, *questions]:
        assert situation(remembering, asked) == situation(make_gate(policy, lookup=WHERE.get), asked)


def test_an_expired_grant_is_not_remembered_as_one():
    """The second before it expires does not speak for the second after."""
    caller = Caller(headers=((b"cookie", own_cookie("analytics", at=NOW).encode()),))
    gate = make_gate()
    for at, granted in ((NOW + 365 * DAY - 1, True), (NOW + 365 * DAY + 1, False)):
        consent = gate.consent_of(caller, at)
        assert (consent.rulings["analytics"].permission == "granted") is granted


def test_a_grant_is_not_remembered_for_what_happened_before_it():
    """Whichever of the two is asked for first; and what happened twice after it is worked out once."""
    cookie = own_cookie("analytics", at=NOW - 100).encode()
    for order in ((NOW, NOW - 101), (NOW - 101, NOW)):
        gate = make_gate()
        for event_time in order:
            caller = Caller(headers=((b"cookie", cookie),))
            consent = gate.situations.of(caller, at=NOW, event_time=event_time, query=b"")[1]
            assert (consent.rulings["analytics"].permission == "granted") is (event_time == NOW)
    caller = Caller(headers=((b"cookie", cookie),))
    first, second = (gate.situations.of(caller, at=NOW, event_time=NOW - before, query=b"")[1] for before in (99, 3))
    assert first is second


def test_it_is_worked_out_once():
    """Until a minute has passed: the look-up is asked once, and then again."""
    asked = []
    gate = make_gate(lookup=lambda address: asked.append(address) or WHERE[address])
    caller = Caller(address="193.99.144.80")
    assert gate.consent_of(caller, NOW) is gate.consent_of(caller, NOW + 59)
    assert len(asked) == 1
    gate.consent_of(caller, NOW + 60)
    assert len(asked) == 2
