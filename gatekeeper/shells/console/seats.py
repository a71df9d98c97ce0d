"""How many answers are under way in a process: those that last, and those that wait for the log or a disk."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from gatekeeper.errors import EventError

STREAMS: Final = 16  # pages that are kept fresh
LOOKS: Final = 3  # pages that are made: threads are other requests', too
PATIENCE: Final = 30.0  # seconds that a look waits for its turn
_AGAIN: Final = 0.05  # seconds between two tries


class Seats:
    """A bound for them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    def left(self) -> bool:
        """Whether there is one."""
        return self._taken < self._most

    def take(self) -> bool:
        """Take one; whether there was one."""
        if not self.left():
            return False
        self._taken += 1
        return True

    def leave(self) -> None:
        """One is free again."""
        self._taken -= 1

    async def turn(self) -> None:
        """Wait for one, and take it. Raises EventError after `PATIENCE`."""
        end = time.monotonic() + PATIENCE
        while not self.take():
            if time.monotonic() >= end:
                raise EventError(503, "the console answers other questions at the moment")
            await asyncio.sleep(_AGAIN)
