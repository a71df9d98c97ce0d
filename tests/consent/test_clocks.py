"""Dates of choices against the gate's own clock: a choice was made before the request that brings it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.consent.resolve import resolve
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
