"""How large a request's head is: counted while it comes, and when it is whole."""

from __future__ import annotations

from collections.abc import Iterable

from gatekeeper.shells.asgi import Header


class HeadSize:
    """The bytes of the head that is read: all that came since the last request, or all of the piece it began in."""

    __slots__ = ("_begun", "_bytes", "_piece")

    def __init__(self) -> None:
        self._bytes = self._piece = self._begun = 0

    def came(self, count: int, *, of_head: bool) -> None:
        """A piece has come."""
        self._piece = count
        if of_head:
            self._bytes += count

    def begins(self) -> None:
        """A request begins in the last piece."""
        self._begun = self._piece

    def ends(self) -> None:
        """Begin the count again: the head is over."""
        self._bytes = 0

    def over(self, limit: int) -> bool:
        """Whether it is too large, before it has ended."""
        return self._bytes > limit

    def may_be_over(self, limit: int) -> bool:
        """Whether it has to be counted: all of it came in so many bytes, and others may have come with it."""
        return self._bytes + self._begun > limit


def size(headers: Iterable[Header]) -> int:
    """Bytes of a head's lines."""
    return sum(len(name) + len(value) + 4 for name, value in headers)
