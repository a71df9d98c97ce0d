"""Pure. How many requests a vendor gets, and when one that fails is asked again: by probes, one event each.

    it answers          CONCURRENT requests at once
    none is answered    with all places taken for SILENCE seconds: probes beside the requests that hang
    it fails            PATIENCE failures in a row: probes only, one a second at first

The pause between two probes grows with the time that the vendor has failed for: 5 s within the first hour, so that
what is queued starts to flow within 10 s of its coming back, then up to two minutes. A probe is not waited for: one
that hangs holds up no other. Requests that a later one has overtaken are lost: they take up no place, and their failing
says nothing new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

CONCURRENT: Final = 16  # requests under way to one destination
PROBES: Final = 12  # more of them, while a vendor fails
PATIENCE: Final = 3  # failures in a row before all waits
SILENCE: Final = 2.0  # seconds
SHORTEST: Final = 1.0  # seconds between two probes
IN_AN_HOUR: Final = 5.0
LONGEST: Final = 120.0
_A_DAY: Final = 86_400.0


def between(outage: float, timeout: float) -> float:
    """Seconds between two probes, `outage` seconds after the first failure; in one `timeout` ten of them at most."""
    return max(SHORTEST, timeout / 10, min(outage / 60, IN_AN_HOUR), min(outage / 720, LONGEST))


class Breaker:
    """One destination's. Times are on one clock, in seconds; `chance` gives numbers in [0, 1).

    `turned` is called when the vendor begins to fail and when it works again.
    """

    def __init__(self, chance: Callable[[], float], timeout: float = 10.0) -> None:
        self.turned: Callable[[], None] = lambda: None
        self.why = ""  # the last failure's short code
        self.since = 0.0  # when the first request of those began that have failed in a row
        self.until = 0.0
        self._chance = chance
        self._timeout = timeout
        self._failures = 0
        self._asked = 0.0  # when a request last began
        self._heard = 0.0  # when an answer, or its absence, was last heard of
        self._answered = float("-inf")  # when the request began that was the last to be answered well

    @property
    def open(self) -> bool:
        """Whether the vendor is failing."""
        return self._failures >= PATIENCE

    def under_way(self, begun: Iterable[float]) -> int:
        """How many of the requests that began at these times are not overtaken by a later one's answer."""
        return sum([began > self._answered - SILENCE for began in begun])

    def next(self, now: float, under_way: int) -> float | None:
        """From when on another request may be made; `None`: not before one has ended."""
        if under_way >= CONCURRENT + PROBES:
            return None
        if under_way >= CONCURRENT and not self.open:
            return max(self.until, self._heard + SILENCE)
        return max(self.until, now)

    def allows(self, now: float, under_way: int) -> bool:
        """Whether another request may be made now."""
        at = self.next(now, under_way)
        return at is not None and at <= now

    def probes(self, under_way: int) -> bool:
        """Whether the next request is a probe."""
        return self.open or under_way >= CONCURRENT

    def begins(self, now: float, under_way: int) -> None:
        """A request begins, beside those under way."""
        self._asked = now
        if not under_way:
            self._heard = now
        if self.probes(under_way):
            self._pause(now - (self.since if self.open else self._heard))

    def succeeded(self, now: float, began: float) -> None:
        """The vendor answered a request as one that works."""
        was_open = self.open
        self._failures = 0
        self.until = 0.0
        self._heard = now
        self._answered = max(self._answered, began)
        if was_open:
            self.turned()

    def failed(self, now: float, began: float, asked: float | None, why: str = "") -> None:
        """No answer, or one that says: not now. `asked` is its Retry-After, which counts at once."""
        self.until = max(self.until, now + min(asked or 0.0, _A_DAY))
        if began < self._answered:
            return
        if not self._failures:
            self.since = began
        self._failures += 1
        self._heard = now
        self.why = why
        if self._failures == PATIENCE:
            self._pause(now - self.since)
            self.turned()

    def _pause(self, outage: float) -> None:
        """Let no probe begin too soon after the last request: where that hung for long, the next one goes at once."""
        wait = between(outage, self._timeout) * (0.8 + 0.2 * self._chance())
        self.until = max(self.until, self._asked + wait)
