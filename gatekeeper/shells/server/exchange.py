"""One request for an endpoint of ours, from its head to its answer, without ASGI in between.

The whole body, of bounded length, is read first, then the answer is written in one piece. Any other request is a
`Cycle`, which goes by ASGI.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from gatekeeper.runtime.bodies import Bodies, Body
from gatekeeper.shells.asgi import Header, Read, Reply, Scope
from gatekeeper.shells.server.connection import Connection
from gatekeeper.shells.server.last import STATUS_LINE

_CLOSE: Final[Header] = (b"connection", b"close")
_log = logging.getLogger("gatekeeper")
Answering = Callable[[Scope, Read], Awaitable[Reply]]


class Exchange:
    """A request and its answer. A `Request` of its connection."""

    __slots__ = (
        "_answering", "_bodies", "_body", "_connection", "_is_whole", "_parts", "_scope", "complete", "disconnected",
        "keep_alive", "started",
    )  # fmt: skip

    def __init__(
        self, connection: Connection, scope: Scope, answering: Answering, bodies: Bodies, *, keep_alive: bool
    ) -> None:
        self._answering = answering
        self._bodies = bodies
        self._body: Body | None = None
        self._connection = connection
        self._is_whole = False
        self._parts: list[bytes] = []
        self._scope = scope
        self.keep_alive = keep_alive
        self.disconnected = False
        self.started = False
        self.complete = False

    def begin(self) -> None:
        """Wait for the body."""

    def feed(self, part: bytes) -> bool:
        """Keep a part of the body; `False`: there is no room for it."""
        if self._body is None:
            self._body = self._bodies.begin(self._connection.displaced)
        if not self._bodies.grew(self._body, len(part)):
            self._end()
            return False
        self._parts.append(part)
        return True

    def whole(self) -> None:
        """The body has come: answer."""
        if self._body is not None:
            self._bodies.whole(self._body)
        self._is_whole = True
        self._connection.run(self._run())

    def lose(self) -> None:
        """The client has gone, or is refused: a request that is whole is worked on all the same."""
        self.disconnected = True
        if not self._is_whole:
            self._end()

    def _end(self) -> None:
        """Nothing of the body is needed any more."""
        self._parts = []
        if self._body is not None:
            self._bodies.end(self._body)

    async def _read(self) -> bytes:
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    async def _run(self) -> None:
        connection = self._connection
        transport = connection.transport
        try:
            reply = await self._answering(self._scope, self._read)
            if connection.flow.write_paused and not self.disconnected:
                await connection.flow.drain()
        except asyncio.CancelledError:  # the server has waited long enough
            transport.abort()
            raise
        except Exception as error:  # noqa: BLE001  # the traceback could show a visitor's data
            _log.error("a request was not answered (%s)", type(error).__name__)
            transport.abort()
            return
        finally:
            self._end()
        self.started = self.complete = True
        if self.disconnected or transport.is_closing():
            return
        lines = [STATUS_LINE[reply.status]]
        for header in (*connection.served.default_headers, *reply.framed):
            lines.append(b"%s: %s\r\n" % header)  # noqa: PERF401  # an extend with a generator takes longer
        closing = _CLOSE in reply.headers
        if not self.keep_alive and not closing:
            lines.append(b"connection: close\r\n")
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines):
            _log.error("an answer was not sent: one of its headers holds a line break")
            transport.abort()
            return
        transport.write(head + b"\r\n" + reply.body)
        if closing or not self.keep_alive:
            transport.close()
        connection.answered()
