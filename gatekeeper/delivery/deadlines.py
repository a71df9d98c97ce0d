"""Ends what takes too long: one timer for all that is waited for, not one for each."""

from __future__ import annotations

import asyncio
from typing import Any, Final

LATE: Final = "timeout"
_NEVER: Final = float("inf")
_TICK: Final = 0.001  # seconds; loops' clocks know no shorter ones


class Deadlines:
    """Of one event loop. A future that is not done in time gets `LATE` as its result."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: dict[asyncio.Future[Any], float] = {}
        self._next = _NEVER
        self._timer: asyncio.TimerHandle | None = None

    def add(self, future: asyncio.Future[Any], due: float) -> None:
        """Wait for it until `due`, on the loop's clock. To be followed by `remove`."""
        self._due[future] = due
        if due < self._next:
            self._set(due)

    def __len__(self) -> int:
        return len(self._due)

    def remove(self, future: asyncio.Future[Any]) -> None:
        """Stop waiting for a future."""
        del self._due[future]

    def close(self) -> None:
        """Stop the timer; nothing is looked at any more."""
        self._set(_NEVER)

    def _set(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = due
        self._timer = None if due == _NEVER else self._loop.call_at(due, self._look)

    def _look(self) -> None:
        now = self._loop.time() + _TICK
        later = _NEVER
        for future, due in self._due.items():
            if future.done():
                continue
            if due <= now:
                future.set_result(LATE)
            elif due < later:
                later = due
        self._timer = None
        self._set(later)
