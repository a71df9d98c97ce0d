"""What waits for the thread that writes, and for how long it gathers before it commits. All of its timing is here."""

from __future__ import annotations

import contextlib
import queue
import time
from collections import deque
from typing import Any, Final

from gatekeeper.storage.commits import Work

RIDE: Final = 0.005  # seconds that delivery's work waits for events to share a commit with, and what is idle for any
BUSY: Final = 0.02  # seconds without an event after which it does not wait any more
IDLE: Final = 0.25  # seconds between two rounds when no work comes in
MOST: Final = 2_000  # pieces of work in one commit
STOP: Final = object()
POKE: Final = object()
_LATER: Final = object()  # idle work has come


class Inbox:
    """A queue that is emptied in one go."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._idle: deque[Work] = deque()  # fast: its second piece wakes no thread (a wake-up costs 30 µs and more)
        self._told = False  # that there is some
        self._busy = 0.0  # when events came in last, or the commit that has them was over
        self._pressed = False  # the last gathering had events
        self.stopping = False

    def put(self, thing: Work | object) -> None:
        """Add work; `STOP` to end when all is done, `POKE` to have a look."""
        if not isinstance(thing, Work) or not thing.idle:
            self._queue.put(thing)
            return
        self._idle.append(thing)
        if not self._told:
            self._told = True
            self._queue.put(_LATER)

    def empty(self) -> bool:
        """Whether no work waits to be written."""
        return self._queue.empty() and not self._idle

    def drain(self) -> list[Work]:
        """The work that waits, at once; what else was put stays."""
        things: list[Any] = self._at_rest()
        self._drain(things)
        for thing in things:
            if not isinstance(thing, Work):
                self._queue.put(thing)
        return [thing for thing in things if isinstance(thing, Work)]

    def gather(self, *, waiting: bool, idle: float = IDLE) -> list[Work]:
        """The work that came since the last call; waits for something to come, not long if some is `waiting`.

        Without any it waits `idle` seconds.
        """
        things: list[Any] = []
        if self._pressed:  # a commit on two machines may take longer than `BUSY`
            self._busy = time.monotonic()
        with contextlib.suppress(queue.Empty):
            things.append(self._queue.get(timeout=0.005 if self.stopping or waiting else idle))
            self._drain(things)
            # While events come in, what no request waits for (claims, outcomes, releases) rides with them.
            until = time.monotonic() + RIDE
            if not self.stopping and not waiting:
                goes = _pressing if until - self._busy < BUSY + RIDE else _goes
                while not any(map(goes, things)) and (left := until - time.monotonic()) > 0:
                    things.append(self._queue.get(timeout=left))
                    self._drain(things)
        self._pressed = any(map(_pressing, things))
        self.stopping = self.stopping or STOP in things
        return [*self._at_rest(), *(thing for thing in things if isinstance(thing, Work))]

    def _at_rest(self) -> list[Any]:
        """The idle work that came so far: what comes from now on is told of again."""
        self._told = False
        return [self._idle.popleft() for _ in range(len(self._idle))]

    def _drain(self, things: list[Any]) -> None:
        while len(things) < MOST and not self._queue.empty():
            things.append(self._queue.get_nowait())


def _goes(thing: object) -> bool:
    """Whether something waits for it."""
    return thing is not _LATER


def _pressing(thing: object) -> bool:
    """Whether a request waits for it, or the end does."""
    return thing is STOP or (isinstance(thing, Work) and (thing.recorded or thing.pressing))
