"""One request for an endpoint of ours, from its head to its answer, without ASGI in between.

It replaces uvicorn's `RequestResponseCycle` for our own endpoints: the whole body, of bounded length, is read first,
then the answer is written in one piece. Any other request is handled through ASGI.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from gatekeeper.runtime.bodies import Bodies, Body
from gatekeeper.shells.asgi import Read, Reply, Scope

_log = logging.getLogger("gatekeeper")
Answering = Callable[[Scope, Read], Awaitable[Reply]]


class Connection(Protocol):
    """What an exchange asks of its connection, which is uvicorn's protocol."""

    loop: asyncio.AbstractEventLoop
    tasks: Any
    flow: Any
    transport: Any
    server_state: Any

    def on_response_complete(self) -> None:
        """The answer is whole."""


class _Unheard:
    """Stands for the event by which a cycle waits for parts of a body: an exchange is read whole."""

    def set(self) -> None:
        """Wake no task: none waits."""


_UNHEARD: Final = _Unheard()


class Exchange:
    """A request and its answer; its public attributes are what uvicorn's protocol asks of a cycle."""

    __slots__ = (
        "_answering", "_bodies", "_body", "_parts", "_protocol", "_scope", "disconnected", "keep_alive",
        "message_event", "response_complete", "response_started",
    )  # fmt: skip

    def __init__(
        self, protocol: Connection, scope: Scope, answering: Answering, bodies: Bodies, *, keep_alive: bool
    ) -> None:
        self._bodies = bodies
        self._body: Body | None = None
        self._protocol = protocol
        self._scope = scope
        self._answering = answering
        self._parts: list[bytes] = []
        self.keep_alive = keep_alive
        self.message_event = _UNHEARD
        self.disconnected = False
        self.response_started = False
        self.response_complete = False

    def feed(self, part: bytes, lose: Callable[[], None]) -> bool:
        """A part of the body. `False`: there is no room for it. `lose` is called if others need the room."""
        if self._body is None:
            self._body = self._bodies.begin(lose)
        if not self._bodies.grew(self._body, len(part)):
            self.end()
            return False
        self._parts.append(part)
        return True

    def end(self) -> None:
        """Nothing of the body is needed any more."""
        self._parts = []
        if self._body is not None:
            self._bodies.end(self._body)

    def begin(self) -> None:
        """The request is whole."""
        if self._body is not None:
            self._bodies.whole(self._body)
        protocol = self._protocol
        task = protocol.loop.create_task(self._run())
        protocol.tasks.add(task)
        task.add_done_callback(protocol.tasks.discard)

    async def _whole(self) -> bytes:
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    async def _run(self) -> None:
        protocol = self._protocol
        try:
            reply = await self._answering(self._scope, self._whole)
            if protocol.flow.write_paused and not self.disconnected:
                await protocol.flow.drain()
        except asyncio.CancelledError:  # the server has waited long enough
            protocol.transport.abort()
            raise
        except Exception as error:  # noqa: BLE001  # the traceback could show a visitor's data
            _log.error("a request was not answered (%s)", type(error).__name__)
            protocol.transport.abort()
            return
        finally:
            self.end()
        self.response_started = self.response_complete = True
        transport = protocol.transport
        if self.disconnected or transport.is_closing():
            return
        keep_alive = self.keep_alive and (b"connection", b"close") not in reply.headers
        lines = [STATUS_LINE[reply.status]]
        for header in (*protocol.server_state.default_headers, *reply.framed):
            lines.append(b"%s: %s\r\n" % header)  # noqa: PERF401  # an extend with a generator takes longer
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines):
            _log.error("an answer was not sent: one of its headers holds a line break")
            transport.abort()
            return
        transport.write(head + b"\r\n" + reply.body)
        if not keep_alive:
            transport.close()
        protocol.on_response_complete()
