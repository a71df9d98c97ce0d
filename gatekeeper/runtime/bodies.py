"""One budget of bytes for all bodies that are being read, or wait for their turn, in a process.

    body = bodies.begin(lose)       a body begins; `lose` is called if it has to make room
    bodies.grew(body, 1_460)        so much more of it is held; False: it has to go itself
    bodies.whole(body)              all of it has come: from now on it makes no room, and its request is answered
    bodies.end(body)                nothing of it is held any more

When there is too much, those that have been coming longest go first. A body that is sent at once is whole before its
turn to go comes.
"""

from __future__ import annotations

from collections.abc import Callable


class Body:
    """One body: how many bytes of it are held."""

    __slots__ = ("lose", "size")

    def __init__(self, lose: Callable[[], None]) -> None:
        self.lose = lose
        self.size = 0


class Bodies:
    """All bodies of a process; they take up at most `most()` bytes."""

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._coming: dict[Body, None] = {}  # in the order in which they began
        self.bytes = 0

    def begin(self, lose: Callable[[], None]) -> Body:
        """A body begins; nothing of it is held yet."""
        body = Body(lose)
        self._coming[body] = None
        return body

    def grew(self, body: Body, count: int) -> bool:
        """So many more bytes of it are held. `False`: there is no room for them, and it has ended."""
        body.size += count
        self.bytes += count
        most = self._most()
        if self.bytes <= most:
            return True
        while self.bytes > most and self._coming:
            first = next(iter(self._coming))
            self.end(first)
            if first is body:
                return False
            first.lose()
        return True

    def whole(self, body: Body) -> None:
        """All of it has come."""
        self._coming.pop(body, None)

    def end(self, body: Body) -> None:
        """Nothing of it is held any more."""
        self._coming.pop(body, None)
        self.bytes -= body.size
        body.size = 0
