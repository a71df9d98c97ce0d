"""How many answers that last are under way in a process. Used on one event loop."""

from __future__ import annotations

from typing import Final

SEATS: Final = 16


class Seats:
    """A bound for them."""

    def __init__(self) -> None:
        self._taken = 0

    def left(self) -> bool:
        """Whether there is one."""
        return self._taken < SEATS

    def take(self) -> bool:
        """Take one; whether there was one."""
        if not self.left():
            return False
        self._taken += 1
        return True

    def leave(self) -> None:
        """One is free again."""
        self._taken -= 1
