"""Dates of choices against the gate's own clock: a choice was made before the request that brings it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.consent.resolve import holds_until, resolve
from gatekeeper.model import Caller, Consent, Permission, Purpose
from tests.builders import NOW, law, make_gate, make_policy, place, said

IN, OUT = law("opt_in", "opt_in"), law("none", "opt_out")
DAY = 86_400.0


def ruled(*signals, laws=(IN,), event_time: float = NOW) -> Consent:
    """What signals add up to now."""
    return resolve(signals, place(*laws), at=NOW, event_time=event_time, max_age=365 * DAY)


def marketing(consent: Consent) -> Permission:
    """The permission for marketing."""
    return consent.rulings[Purpose.MARKETING].permission


@pytest.mark.parametrize("ahead", [0.15, 5.0, 600.0, DAY, 1200 * DAY])
def test_a_grant_dated_after_its_arrival_was_given_when_it_arrived(ahead: float) -> None:
    """The page view right after Accept counts, however fast the visitor's clock runs."""
    assert Permission.GRANTED is marketing(ruled(said(marketing=True, at=NOW + ahead)))


def test_such_a_grant_does_not_count_for_earlier_events() -> None:
    """It was given when it arrived, not before; the trail names the date."""
    consent = ruled(said(marketing=True, at=NOW + 600), event_time=NOW - 60)
    assert Permission.DENIED is marketing(consent)
    whys = [step.why for step in consent.steps]
    assert any("ahead of its arrival" in why and "2026-11-24T00:10:00Z" in why for why in whys)
    assert any("cookie consented on 2026-11-24T00:00:00Z, after this event" in why for why in whys)


def test_a_grant_dated_ahead_does_not_outdate_a_refusal_of_its_voice() -> None:
    """A withdrawal of now and a grant of the year 2030 in one voice: the refusal stands."""
    grant = said("ledger", marketing=True, at=NOW + 1200 * DAY, voice="own")
    refusal = said("cookie", marketing=False, at=NOW, voice="own")
    assert Permission.DENIED is marketing(ruled(grant, refusal))
    assert Permission.DENIED is marketing(ruled(refusal, grant))


@given(ahead=st.floats(0, 4000 * DAY), opt_in=st.booleans(), grants=st.booleans())
def test_a_date_ahead_says_what_the_same_choice_of_now_says(ahead: float, opt_in: bool, grants: bool) -> None:
    """Whatever the choice and the law."""
    laws = (IN,) if opt_in else (OUT,)
    later = ruled(said(marketing=grants, at=NOW + ahead), laws=laws)
    assert ruled(said(marketing=grants, at=NOW), laws=laws).rulings == later.rulings


def test_what_the_gate_remembers_of_a_visitor_holds_for_a_clock_that_runs_ahead() -> None:
    """The same browser a moment later: remembered or worked out again, the answer is the same."""
    cookie = b"OptanonConsent=groups=C0002:1,C0004:1; OptanonAlertBoxClosed=2026-11-24T00:00:30Z"
    gate = make_gate(make_policy())
    caller = Caller(headers=((b"cookie", cookie),))
    for later in (0.0, 0.2, 10.0, 29.0, 31.0, 90.0):
        fresh = make_gate(make_policy()).consent_of(caller, NOW + later)
        assert Permission.GRANTED is marketing(gate.consent_of(caller, NOW + later))
        assert Permission.GRANTED is marketing(fresh)


@pytest.mark.parametrize(
    ("dates", "max_age", "expected"),
    [
        pytest.param((), DAY, float("inf"), id="nothing-said"),
        pytest.param((None,), DAY, float("inf"), id="undated"),
        pytest.param((NOW - 5,), DAY, NOW - 5 + DAY, id="a-grant-expires"),
        pytest.param((NOW - 0.5,), None, float("inf"), id="a-grant-that-never-expires"),
        pytest.param((NOW + 5,), DAY, NOW + 5, id="a-grant-begins"),
        pytest.param((NOW - 2 * DAY,), DAY, float("inf"), id="an-old-one-stays-old"),
        pytest.param((NOW - DAY,), DAY, float("inf"), id="at-the-moment-itself-it-has-changed"),
        pytest.param((NOW - 5, NOW - 9, None), DAY, NOW - 9 + DAY, id="the-first-of-all"),
    ],
)
def test_what_was_said_holds_until_time_alone_may_change_it(dates, max_age, expected) -> None:
    """Until a grant begins or expires, whichever is first."""
    assert expected == holds_until([said(marketing=True, at=at) for at in dates], NOW, max_age)


def test_the_trail_names_dates_in_utc(monkeypatch) -> None:
    """Wherever the gate runs."""
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        whys = [step.why for step in ruled(said(marketing=True, at=NOW), event_time=NOW - 60).steps]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert any("2026-11-24T00:00:00Z" in why for why in whys)
