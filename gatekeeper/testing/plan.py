"""What a simulator was told to do instead of answering as its vendor does. No I/O, no locking.

A simulator has two of these queues, so that one request can be both late and wrong: one of delays
(seconds), one of replies.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T")


class Silence(Enum):
    """Ways of not answering."""

    HANG = "hang"  # the connection stays open, nothing comes
    RESET = "reset"  # the connection is closed


class Turns(Generic[T]):
    """A queue in which each entry is good for so many requests."""

    def __init__(self) -> None:
        self._queue: deque[tuple[T, int]] = deque()

    def add(self, what: T, times: int) -> None:
        """Use `what` for the next `times` requests, after those that are planned already.

        Raises ValueError if `times` is less than one.
        """
        if times < 1:
            raise ValueError(f"times: {times} is not a number of requests")
        self._queue.append((what, times))

    def take(self) -> T | None:
        """What is planned for the request that just came, or None."""
        if not self._queue:
            return None
        what, left = self._queue.popleft()
        if left > 1:
            self._queue.appendleft((what, left - 1))
        return what

    def clear(self) -> None:
        """Plan nothing any more."""
        self._queue.clear()
