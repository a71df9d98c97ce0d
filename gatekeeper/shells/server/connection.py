"""What a connection and its requests ask of each other, and of the server that they belong to."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, Protocol

from gatekeeper.shells.asgi import Header
from gatekeeper.shells.server.watch import Connection as Watched
from gatekeeper.shells.server.watch import Watch


class Served(Protocol):
    """What all connections of one server share; uvicorn's state of a server has it."""

    connections: set[Any]  # each is asked to `shutdown()` when the server stops, which waits until none is left
    tasks: set[asyncio.Task[None]]  # waited for then, and cancelled after a while
    default_headers: list[Header]  # of every answer: its Date, renewed once a second


class Request(Protocol):
    """One request of a connection, from its head to the end of its answer."""

    keep_alive: bool  # whether the connection outlives it
    started: bool  # its answer
    complete: bool  # its answer

    def begin(self) -> None:
        """Its head is there, and all requests before it are answered."""

    def feed(self, part: bytes) -> bool:
        """Take a part of its body; `False`: there is no room for it."""

    def whole(self) -> None:
        """Its body has come."""

    def lose(self) -> None:
        """Give it up: the client has gone, or its body is refused."""


class Connection(Watched, Protocol):
    """What a request asks of its connection."""

    transport: asyncio.Transport
    flow: Flow
    served: Served
    state: Mapping[str, Any]  # what the app's lifespan left there
    watch: Watch

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do a request's work as a task that the server waits for when it stops."""

    def answered(self) -> None:
        """The answer to the request that has begun is whole."""

    def displaced(self) -> None:
        """Others need the room of the body that is coming."""


class Flow:
    """Back-pressure of one connection: the server stops reading, the client is slow to read."""

    __slots__ = ("_room", "_transport", "read_paused", "write_paused")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._room = asyncio.Event()
        self.read_paused = False
        self.write_paused = False

    def pause_reading(self) -> None:
        """Read nothing more of the client's."""
        if not self.read_paused:
            self.read_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if self.read_paused:
            self.read_paused = False
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        """Let those wait that have more to write."""
        self.write_paused = True
        self._room.clear()

    def resume_writing(self) -> None:
        """Let them go on."""
        self.write_paused = False
        self._room.set()

    async def drain(self) -> None:
        """Wait until there is room in the client's buffer, or the client has gone."""
        if self.write_paused:
            await self._room.wait()
