"""The method: what is timed from when, how percentiles are kept, and what counts as a difference."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.compare import changes, only_in_one, same_machine
from benchmarks.histogram import Histogram
from benchmarks.measure import calls_for
from benchmarks.pacing import Pacer
from benchmarks.spread import middle, verdict
from tests.benchmarks.builders import finished, outcome

durations = st.lists(st.integers(0, 10**9), min_size=1, max_size=200)


@given(durations, st.floats(0.1, 100))
def test_a_percentile_is_the_exact_one_within_eight_thousandths(values, percent):
    """HDR: the relative error is bounded, however long the tail."""
    histogram = Histogram((value, 1) for value in values)
    exact = sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]
    assert exact <= histogram.percentile(percent) <= exact * 1.008 + 1


@given(durations, durations)
def test_histograms_of_two_rounds_merge_without_loss(first, second):
    """Merged, and written and read again, they say the same."""
    merged = Histogram((value, 1) for value in first)
    merged.merge(Histogram((value, 1) for value in second))
    whole = Histogram((value, 1) for value in first + second)
    again = Histogram(merged.pairs())
    assert merged.summary() == whole.summary() == again.summary()


def test_an_empty_histogram_has_noughts():
    """Nothing was answered."""
    assert Histogram().summary() == {"p50": 0, "p90": 0, "p99": 0, "p99.9": 0, "max": 0}


def test_a_stall_counts_for_all_who_would_have_come_meanwhile():
    """Coordinated omission: 100 requests a second, one second of silence: half of them waited half a second."""
    pacer = Pacer(rate=100, seconds=1.0, start=0.0)
    pacer.advance(1.0)
    while (due := pacer.take()) is not None:
        pacer.done(due, 1.0)  # everyone is answered when the stall ends
    assert pacer.histogram.count == 100
    assert pacer.histogram.percentile(50) == pytest.approx(500_000, rel=0.03)
    assert pacer.histogram.max == 1_000_000 and pacer.unsent == 0


def test_what_was_due_and_never_left_is_told():
    """A server that cannot keep up does not look fast."""
    pacer = Pacer(rate=10, seconds=1.0, start=0.0)
    pacer.advance(0.55)
    taken = [pacer.take() for _ in range(3)]
    assert taken == [0.0, pytest.approx(0.1), pytest.approx(0.2)]
    assert pacer.unsent == 7


def test_a_difference_within_the_spread_is_noise():
    """Rounds that overlap say nothing, nor do medians seven hundredths apart."""
    assert verdict([10, 11, 15], [14, 15, 16], "lower") == (pytest.approx(15 / 11), "noise")
    assert verdict([10.0, 10.1, 10.1], [10.5, 10.6, 10.6], "lower")[1] == "noise"
    assert verdict([10.0, 10.1, 10.1], [11.0, 11.1, 11.1], "lower")[1] == "worse"
    assert verdict([10.0, 10.1], [11.0, 11.1], "lower")[1] == "noise"  # two rounds lie apart by chance, too


@pytest.mark.parametrize(
    ("new", "better", "expected"),
    [
        pytest.param([5, 6], "lower", "better", id="cheaper"),
        pytest.param([20, 21], "lower", "worse", id="dearer"),
        pytest.param([20, 21], "higher", "better", id="more-a-second"),
        pytest.param([5, 6], "higher", "worse", id="less-a-second"),
    ],
)
def test_a_difference_beyond_it_is_better_or_worse(new, better, expected):
    """Which one depends on the figure."""
    assert verdict([10, 11], new, better)[1] == expected


def test_a_median_needs_a_round():
    """Nought would look like a figure."""
    with pytest.raises(ValueError, match="no round"):
        middle([])


def test_calls_are_made_in_whole_batches():
    """A work that is done 64 at a time is counted by 64."""
    asked = []
    assert calls_for(asked.append, 0.0, step=64) % 64 == 0 and asked == [64]


def test_results_are_compared_figure_by_figure():
    """A contestant that only one of them has is named, not compared."""
    old = finished(decide={"plan": outcome(100, 102), "gone": outcome(1)})
    new = finished(decide={"plan": outcome(50, 51), "new": outcome(1)})
    told = {(one.contestant, one.metric): one.verdict for one in changes(old, new)}
    assert told == {("plan", "cpu_us"): "better", ("plan", "per_second"): "better"}
    assert only_in_one(old, new) == (["decide: gone"], ["decide: new"])
    assert same_machine(old, new)
    new["machine"] = {**new["machine"], "processor": "Another"}
    assert not same_machine(old, new)
