"""When requests are due. Pure: times in, times out.

An open loop sends at a fixed rate whatever the answers do. A request that had to wait for a free connection, or for
a server that stood still, is timed from when it was due, not from when it left: otherwise the slowest moments would
be the ones with the fewest samples (coordinated omission).
"""

from __future__ import annotations

from collections import deque

from .histogram import Histogram


class Pacer:
    """An open loop's schedule over one window, and the latencies counted from it."""

    def __init__(self, rate: float, seconds: float, start: float) -> None:
        """`rate` in requests per second; `start` and everything later on one clock, in seconds."""
        self._interval = 1.0 / rate
        self._start = start
        self._total = max(1, int(rate * seconds))
        self._scheduled = 0
        self._waiting: deque[float] = deque()
        self.histogram = Histogram()

    def next_due(self) -> float | None:
        """When the next request is due; `None` once all are."""
        return None if self._scheduled == self._total else self._start + self._scheduled * self._interval

    def advance(self, now: float) -> None:
        """Put what is due by `now` in line."""
        while (due := self.next_due()) is not None and due <= now:
            self._waiting.append(due)
            self._scheduled += 1

    def take(self) -> float | None:
        """The due time of the request to send on a free connection; `None` if none is due."""
        return self._waiting.popleft() if self._waiting else None

    def done(self, due: float, now: float) -> None:
        """Note an answer."""
        self.histogram.record(round((now - due) * 1e6))

    @property
    def unsent(self) -> int:
        """How many were due and never left: above nought, the server could not keep up."""
        return len(self._waiting) + self._total - self._scheduled
