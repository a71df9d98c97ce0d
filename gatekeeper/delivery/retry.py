"""When to try again. Pure: chance is passed in."""

from __future__ import annotations

from collections.abc import Callable

FIRST = 1.0  # seconds
LONGEST = 900.0


def pause(attempts: int, chance: Callable[[], float]) -> float:
    """Seconds before attempt `attempts + 1`: full jitter over a doubling ceiling.

    `chance` gives numbers in [0, 1); source: "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
    """
    ceiling = min(LONGEST, FIRST * 2.0 ** min(attempts - 1, 20))
    return chance() * ceiling
