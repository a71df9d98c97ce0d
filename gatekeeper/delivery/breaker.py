"""Pure. When a vendor that fails is asked again: at first at once, then after pauses that double, by one probe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gatekeeper.delivery.retry import pause

PATIENCE: Final = 3  # failures in a row before all waits
LONGEST: Final = 120.0  # seconds between two probes


class Breaker:
    """One destination's. Times are on one clock, in seconds; `chance` gives numbers in [0, 1)."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._failures = 0
        self.until = 0.0

    def allows(self, now: float, under_way: int) -> bool:
        """Whether another request may be made now; one at a time while the vendor is failing."""
        return now >= self.until and (self._failures < PATIENCE or under_way == 0)

    @property
    def open(self) -> bool:
        """Whether the vendor is failing."""
        return self._failures >= PATIENCE

    def succeeded(self) -> None:
        """The vendor answered as one that works."""
        self._failures = 0
        self.until = 0.0

    def failed(self, now: float, asked: float | None) -> None:
        """No answer, or one that says: not now. `asked` is its Retry-After, which counts at once."""
        self._failures += 1
        wait = asked or 0.0
        if self._failures >= PATIENCE:
            wait = max(wait, min(LONGEST, pause(self._failures - PATIENCE + 1, None, self._chance)))
        self.until = max(self.until, now + min(wait, 86_400.0))
