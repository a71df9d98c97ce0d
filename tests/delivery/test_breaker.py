"""When a failing vendor is asked again."""

from gatekeeper.delivery.breaker import LONGEST, PATIENCE, Breaker


def failing(times, chance=lambda: 0.5):
    breaker = Breaker(chance)
    for _ in range(times):
        breaker.failed(100.0, None)
    return breaker


def test_a_few_failures_change_nothing():
    """Anything can fail once."""
    breaker = failing(PATIENCE - 1)
    assert breaker.allows(100.0, under_way=7) and not breaker.open


def test_a_failing_vendor_is_probed_by_one_request_after_a_pause():
    """Not by sixteen."""
    breaker = failing(PATIENCE)
    assert breaker.open and not breaker.allows(100.0, 0)
    assert breaker.allows(breaker.until, 0) and not breaker.allows(breaker.until, 1)


def test_pauses_grow_up_to_a_limit():
    """However long it lasts."""
    assert failing(PATIENCE + 2).until > failing(PATIENCE).until
    assert failing(60, chance=lambda: 0.999).until <= 100.0 + LONGEST


def test_one_success_ends_it():
    """At once."""
    breaker = failing(20)
    breaker.succeeded()
    assert breaker.allows(100.0, 15) and not breaker.open


def test_retry_after_counts_from_the_first_failure_but_not_for_ever():
    """A day at most."""
    breaker = Breaker(lambda: 0.0)
    breaker.failed(100.0, 30.0)
    assert not breaker.allows(129.0, 0) and breaker.allows(130.0, 0)
    breaker.failed(100.0, 1e9)
    assert breaker.until == 100.0 + 86_400
