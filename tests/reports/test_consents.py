"""Consent rates: what counts for them, by which groups, and what may be said of a change of the notice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.model import Permission, Purpose
from gatekeeper.model.choice import Counted, Method, Surface
from gatekeeper.reports import consents
from gatekeeper.reports.consents import Rate

A, M = Purpose.ANALYTICS, Purpose.MARKETING
YES, NO = Permission.GRANTED, Permission.DENIED
OVER = consents.Steps(0.0, 60.0, 10)


def side(granted, answers):
    """So many answers, of which so many grant marketing."""
    rows = [(YES, granted), (NO, answers - granted)]
    return [row(marketing=word, many=many) for word, many in rows if many]


def row(begins=0.0, analytics=YES, marketing=YES, *, many=1, method=Method.SAVE, **more):
    """Choices that were counted."""
    usual = {"surface": Surface.BANNER, "version": "1", "country": "DE", "region": None, "gpc": False}
    return Counted(begins, analytics, marketing, method, many=many, **usual | more)


ROWS = st.builds(
    row, st.sampled_from([0.0, 60.0, 540.0]), st.sampled_from([None, YES, NO]), st.sampled_from([None, YES, NO]),
    many=st.integers(1, 50), method=st.sampled_from(list(Method)), surface=st.sampled_from(list(Surface)),
    version=st.sampled_from([None, "1", "2"]), country=st.sampled_from([None, *map(chr, range(65, 75))]),
    gpc=st.booleans(),
)  # fmt: skip


@pytest.mark.parametrize("method", Method)
def test_only_an_answer_to_a_question_counts(method):
    """Who takes back, objects, opts out, or whose browser does, was not asked then."""
    found = [row(many=3), row(marketing=NO, many=1, method=method)]
    asked = method not in (Method.WITHDRAW, Method.OBJECT, Method.OPT_OUT, Method.GPC)
    assert consents.rate(found, M) == (Rate(3, 4) if asked else Rate(3, 3))
    beside = consents.taken_back(found, OVER)
    assert sum(map(sum, beside.values())) == (0 if asked or method is Method.GPC else 1)


def test_a_purpose_that_was_not_spoken_about_is_no_answer():
    """Neither yes nor no; without any answer there is no rate."""
    found = [row(analytics=None, marketing=YES)]
    assert consents.rate(found, A) == Rate(0, 0) and Rate().percent is None
    assert consents.rate(found, M).percent == 100


@given(st.lists(ROWS, max_size=15), st.sampled_from([consents.place, consents.surface, consents.version]))
def test_no_answer_is_lost_or_counted_twice(found, by):
    """Whatever it is grouped by, in at most six groups, over all steps."""
    for purpose in (A, M):
        groups = consents.rates(found, OVER, purpose, by)
        assert len(groups) <= consents.SHOWN
        whole = [one for name in groups for one in groups[name]]
        assert Rate(*map(sum, zip((0, 0), *whole, strict=True))) == consents.rate(found, purpose)
    assert sum(one.answers for one in consents.gpc(found, OVER)) == sum(one.many for one in found)


def test_steps_begin_at_round_times_and_hold_now():
    """So that a page that is loaded again draws the same steps."""
    over = consents.steps(1_000_030.0, 3_600.0, 300.0)
    assert (over.begin % 300, over.number, over.end) == (0, 12, 1_000_200.0)
    assert over.begin <= 1_000_030.0 - 3_300 and over.times[-1] <= 1_000_030.0 < over.end


def test_a_change_is_told_with_its_interval():
    """Hand-computed after Newcombe's method 10: 56 of 70 and 48 of 80 (Newcombe 1998, table II, a)."""
    found = consents.effect(M, [row(many=48), row(marketing=NO, many=32)], [row(many=56), row(marketing=NO, many=14)])
    assert (found.before, found.after) == (Rate(48, 80), Rate(56, 70))
    assert found.least == pytest.approx(5.24, abs=0.01) and found.most == pytest.approx(33.39, abs=0.01)
    assert found.sentence == "up by 20.0 points, between +5.2 and +33.4 points"


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        pytest.param((20, 29), (100, 200), "too few to tell: 29 answers", id="too-few-before"),
        pytest.param((100, 200), (1, 1), "too few to tell: 1 answer on one side, and 30", id="too-few-after"),
        pytest.param((30, 60), (33, 60), "no difference can be told: between -", id="by-chance"),
        pytest.param((90, 100), (40, 100), "down by 50.0 points", id="down"),
        pytest.param((0, 30), (30, 30), "up by 100.0 points", id="nothing-to-all"),
    ],
)
def test_small_numbers_are_called_small(before, after, sentence):
    """Before a difference is, it must be more than chance; nothing is said of fewer than thirty answers."""
    sides = [side(*before), side(*after)]
    assert consents.effect(M, *sides).sentence.startswith(sentence)


@given(st.integers(0, 300), st.integers(30, 300), st.integers(0, 300), st.integers(30, 300))
def test_the_difference_is_within_its_interval(granted, answers, later, of):
    """And the interval within what parts can differ by."""
    one, other = min(granted, answers), min(later, of)
    sides = [side(one, answers), side(other, of)]
    found = consents.effect(M, *sides)
    assert -100.001 <= found.least <= 100 * (other / of - one / answers) + 1e-9
    assert 100 * (other / of - one / answers) - 1e-9 <= found.most <= 100.001


def test_both_sides_of_a_change_are_equally_long():
    """What is older than the new version is young is left out; the newest change comes first."""
    found = [
        row(0.0, version="1", many=100), row(240.0, version="1", marketing=NO, many=40),
        row(420.0, version="2", many=50), row(420.0, version="1", many=7), row(540.0, version="2", many=5),
    ]  # fmt: skip
    (turn,) = consents.turns(found, OVER)
    assert (turn.was, turn.now, turn.at, turn.span) == ("1", "2", 420.0, 180.0)
    assert turn.effects[1].before == Rate(0, 40) and turn.effects[1].after == Rate(55, 55)
    assert turn.places == {"DE": (Rate(0, 40), Rate(55, 55))}
    third = [*found, row(540.0, version="3", many=1)]
    assert [(one.was, one.now) for one in consents.turns(third, OVER)] == [("2", "3"), ("1", "2")]
    assert consents.turns([row(version=None)], OVER) == [] == consents.turns([row()], OVER)
