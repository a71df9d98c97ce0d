"""A day's consent rates beside those before: what is habit, what is chance, and what is a jump."""

from datetime import date, timedelta
from statistics import mean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.reports.rates import Numbers, scores

DAY = date(2026, 11, 29)


def before(rates, events=1_000, first=1):
    """Days before, the latest first, each with a rate of analytics."""
    return {
        DAY - timedelta(days=back): Numbers(events, round(rate * events), 0, 0)
        for back, rate in enumerate(rates, first)
    }


def analytics(day, known):
    """The score of the one rate that these tests move."""
    found = scores(day, known, DAY)
    return None if found.why_not else found.scores[0]


def test_the_score_is_that_of_the_definition():
    """Standard deviations of the days before, from their mean."""
    rates = [0.5 + 0.05 * (-1) ** n for n in range(28)]
    score = analytics(Numbers(1_000, 800), before(rates))
    assert score.z == pytest.approx((0.8 - mean(rates)) / stdev(rates)) and score.jumps


@pytest.mark.parametrize(
    ("granted", "jumps"),
    [
        pytest.param(500, False, id="as-always"),
        pytest.param(540, False, id="chance"),
        pytest.param(560, True, id="more-than-chance"),
        pytest.param(0, True, id="the-banner-broke"),
    ],
)
def test_where_rates_never_move_chance_is_the_measure(granted, jumps):
    """28 days of exactly one half: a thousand events alone give 1.6 hundredths either way."""
    assert analytics(Numbers(1_000, granted), before([0.5] * 28)).jumps is jumps


def test_where_no_visitor_ever_consented_the_first_ones_are_a_jump():
    """A rate of nothing has no deviation at all, and still a measure."""
    assert not analytics(Numbers(1_000, 1), before([0.0] * 28)).jumps
    assert analytics(Numbers(1_000, 50), before([0.0] * 28)).jumps


@pytest.mark.parametrize(
    ("day", "known", "why"),
    [
        pytest.param(Numbers(499), before([0.5] * 28), "the day has 499 events", id="a-small-day"),
        pytest.param(Numbers(500), before([0.5] * 6), "6 days before", id="few-days"),
        pytest.param(Numbers(500), before([0.5] * 28, events=499), "0 days before", id="small-days-before"),
        pytest.param(Numbers(500), before([0.5] * 28, first=29), "0 days before", id="days-long-ago"),
        pytest.param(Numbers(500), {}, "0 days before", id="a-new-log"),
    ],
)
def test_too_little_says_nothing(day, known, why):
    """And the reason is told."""
    found = scores(day, known, DAY)
    assert found.scores == [] and why in found.why_not


def test_the_days_that_count_are_the_28_before_it():
    """An older one does not move the mean."""
    known = before([0.5] * 28)
    assert scores(Numbers(500, 250), known | before([0.0], first=29), DAY) == scores(Numbers(500, 250), known, DAY)
    assert scores(Numbers(500, 250), known, DAY).days == 28


@settings(deadline=None)
@given(st.integers(500, 5_000), st.lists(st.floats(0, 1), min_size=7, max_size=28), st.data())
def test_a_rate_further_from_the_usual_one_has_no_smaller_score(events, rates, data):
    """On either side."""
    known = before(rates)
    one, other = (analytics(Numbers(events, data.draw(st.integers(0, events))), known) for _ in range(2))
    nearer, further = sorted((one, other), key=lambda score: abs(score.rate - score.usual))
    assert abs(nearer.z) <= abs(further.z) + 1e-9


@pytest.mark.parametrize(
    ("record", "numbers"),
    [
        pytest.param(
            {"consent_state": {"analytics": True, "marketing": False}, "gpc": {"detected": True}, "inputs": {}},
            Numbers(1, 1, 0, 1),
            id="one",
        ),
        pytest.param(
            {"count": 3, "consent_state": {"analytics": True, "marketing": True}, "inputs": {}},
            Numbers(3, 3, 3, 0),
            id="a-group",
        ),
        pytest.param({"consent_state": {"analytics": True}}, Numbers(1, 1), id="format-1"),
        pytest.param({"count": 9, "consent_state": {}, "inputs": {"decided": False}}, Numbers(), id="undecided"),
    ],
)
def test_what_is_counted(record, numbers):
    """Events, and not lines; those of which nothing was decided say nothing of consent."""
    found = Numbers()
    found.count(record)
    assert found == numbers
