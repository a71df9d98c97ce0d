"""Connections of one event loop: those in use, and those kept for a while after their answer."""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple

from gatekeeper.delivery.connection import Connection
from gatekeeper.delivery.request import Origin

IDLE: Final = 4.0  # seconds an unused connection is kept: servers close theirs after 5, and a request may cross that
MOST: Final = 128  # unused connections to one origin
MOST_IN_ALL: Final = 512
_GONE: Final = 1.0  # seconds for the loop to notice that its connections were ended


class Stats(NamedTuple):
    """What a pool holds: connections that are open, those of them that wait for a request, by origin, and `sweeping`,
    whether it looks for old ones.
    """

    open: int
    unused: tuple[int, ...]
    sweeping: bool


class Pool:
    """The connections of one event loop. A caller that takes one gives it back or aborts it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._open: set[Connection] = set()
        self._idle: dict[Origin, list[Connection]] = {}
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._empty: asyncio.Future[None] | None = None
        self._retired = False

    def made(self) -> Connection:
        """A connection that is about to be opened."""
        return Connection(self._loop, self._lost)

    def opened(self, connection: Connection) -> None:
        """Note that a connection is open now."""
        self._open.add(connection)

    def take(self, origin: Origin) -> Connection | None:
        """An unused connection, the one that was used last."""
        idle = self._idle.get(origin)
        if idle:
            oldest = self._loop.time() - IDLE
            while idle:
                connection = idle.pop()
                self._count -= 1
                if connection.since > oldest and connection.open:
                    return connection
                connection.abort()
        return None

    def give(self, origin: Origin, connection: Connection) -> None:
        """Keep it for another request, if it can carry one."""
        idle = self._idle.get(origin) or []
        if self._retired or len(idle) >= MOST or self._count >= MOST_IN_ALL or not connection.reusable:
            connection.abort()
            return
        connection.since = self._loop.time()
        idle.append(connection)
        self._idle[origin] = idle
        self._count += 1
        if self._timer is None:
            self._timer = self._loop.call_later(IDLE / 4, self._sweep)

    def stats(self) -> Stats:
        """How many connections there are now."""
        unused = [sum(one.open for one in idle) for idle in self._idle.values()]
        return Stats(len(self._open), tuple(number for number in unused if number), self._timer is not None)

    def retire(self) -> None:
        """Keep nothing from now on; what is in use goes on."""
        self._retired = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for idle in self._idle.values():
            for connection in idle:
                connection.abort()
        self._idle.clear()
        self._count = 0

    async def close(self) -> None:
        """End everything, also what is in use."""
        self.retire()
        for connection in tuple(self._open):
            connection.abort()
        if self._open:
            self._empty = self._loop.create_future()
            await asyncio.wait([self._empty], timeout=_GONE)

    def _lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        if self._empty is not None and not self._open and not self._empty.done():
            self._empty.set_result(None)

    def _sweep(self) -> None:
        """End what was not used for long."""
        oldest = self._loop.time() - IDLE
        for origin, idle in tuple(self._idle.items()):
            kept = []
            for connection in idle:
                if connection.since > oldest and connection.open:
                    kept.append(connection)
                else:
                    connection.abort()
            self._count -= len(idle) - len(kept)
            if kept:
                self._idle[origin] = kept
            else:
                del self._idle[origin]
        self._timer = self._loop.call_later(IDLE / 4, self._sweep) if self._idle else None
