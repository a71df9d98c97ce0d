"""Laws of the search for what spoils a batch."""

from math import ceil, log2

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.delivery.halving import halve


def search(size, poisons):
    """Parts by verdict, and how many requests that took after the first."""
    batch, calls = list(range(size)), 0

    def ask(part):
        return not poisons & set(part)

    steps = halve(batch, False, lambda passed: not passed)
    try:
        part = next(steps)
        while True:
            calls += 1
            part = steps.send(ask(part))
    except StopIteration as end:
        found = end.value
    passed = [n for part, good in found if good for n in part]
    refused = [n for part, good in found if not good for n in part]
    return passed, refused, calls


@given(st.integers(2, 2000).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1))))
def test_one_poison_is_found_within_the_bound(case):
    """2·ceil(log2 n) further requests, and everything else passes."""
    size, poison = case
    passed, refused, calls = search(size, {poison})
    assert refused == [poison] and sorted(passed) == [n for n in range(size) if n != poison]
    assert calls <= 2 * ceil(log2(size))


@given(st.integers(2, 200).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), min_size=1))))
def test_every_event_ends_once_and_no_poison_passes(case):
    """However many there are."""
    size, poisons = case
    passed, refused, _ = search(size, poisons)
    assert sorted([*passed, *refused]) == list(range(size))
    assert not poisons & set(passed)


def test_a_batch_that_is_bad_as_a_whole_costs_little():
    """The fault is not in the events."""
    passed, refused, calls = search(1000, set(range(1000)))
    assert passed == [] and len(refused) == 1000 and calls <= 24
