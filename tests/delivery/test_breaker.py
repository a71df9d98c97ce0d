"""When a failing vendor is asked again, and by how much."""

import pytest

from gatekeeper.delivery.breaker import CONCURRENT, IN_AN_HOUR, LONGEST, PATIENCE, PROBES, SILENCE, Breaker, between


def failing(times, *, chance=lambda: 0.5, asked=None):
    breaker = Breaker(chance)
    for _ in range(times):
        breaker.begins(100.0, 0)
        breaker.failed(100.0, 100.0, asked, "http_503")
    return breaker


def test_a_few_failures_change_nothing():
    """Anything can fail once."""
    breaker = failing(PATIENCE - 1)
    assert breaker.allows(100.0, under_way=7) and not breaker.open and not breaker.probes(7)


def test_a_failing_vendor_is_probed_after_a_pause():
    """By one request, and the next one waits as long again."""
    breaker = failing(PATIENCE)
    assert breaker.open and breaker.probes(0) and not breaker.allows(100.0, 0)
    at = breaker.until
    assert 100.8 <= at <= 101.0 and breaker.allows(at, 0)
    breaker.begins(at, 0)
    assert not breaker.allows(at, 1) and breaker.allows(breaker.until, 1) and breaker.until <= at + 1.0


def test_a_probe_that_hangs_holds_up_no_other():
    """Up to the number of probes that one timeout can hold."""
    breaker = failing(PATIENCE)
    assert breaker.allows(breaker.until, CONCURRENT + PROBES - 1)
    assert breaker.next(breaker.until, CONCURRENT + PROBES) is None


@pytest.mark.parametrize(
    ("outage", "timeout", "pause"),
    [(0, 10, 1), (60, 10, 1), (300, 10, 5), (3_600, 10, 5), (7_200, 10, 10), (10**6, 10, 120), (0, 60, 6)],
)
def test_pauses_grow_with_the_outage_alone(outage, timeout, pause):
    """Five seconds within the first hour, two minutes at most; and no more than ten probes in one timeout."""
    assert between(outage, timeout) == pause
    assert between(3_600, timeout) <= max(IN_AN_HOUR, timeout / 10) and between(10**9, timeout) == LONGEST


def test_a_silent_vendor_is_probed_though_all_places_are_taken():
    """Its requests can hang until their timeout; that it answers again is heard of before."""
    breaker = Breaker(lambda: 0.0)
    breaker.begins(100.0, 0)
    assert not breaker.allows(100.0 + SILENCE - 0.1, CONCURRENT)
    assert breaker.allows(100.0 + SILENCE, CONCURRENT) and breaker.probes(CONCURRENT)


def test_requests_that_a_later_one_overtook_take_up_no_place_and_their_failing_is_no_news():
    """They hung while the vendor did."""
    breaker = Breaker(lambda: 0.0)
    breaker.succeeded(110.0, 109.0)
    assert breaker.under_way([100.0] * CONCURRENT + [108.0, 109.5]) == 2
    for _ in range(CONCURRENT):
        breaker.failed(111.0, 100.0, None, "timeout")
    assert not breaker.open and breaker.allows(111.0, 0)


def test_one_success_ends_it():
    """At once, and it is told."""
    breaker, told = failing(0), []
    breaker.turned = lambda: told.append(breaker.open)
    for _ in range(20):
        breaker.failed(100.0, 100.0, None, "http_503")
    assert (breaker.since, breaker.why) == (100.0, "http_503")
    breaker.succeeded(101.0, 100.5)
    assert breaker.allows(101.0, 15) and told == [True, False]


def test_retry_after_counts_from_the_first_failure_but_not_for_ever():
    """A day at most."""
    breaker = failing(1, asked=30.0)
    assert not breaker.allows(129.0, 0) and breaker.allows(130.0, 0)
    breaker.failed(100.0, 100.0, 1e9)
    assert breaker.until == 100.0 + 86_400
