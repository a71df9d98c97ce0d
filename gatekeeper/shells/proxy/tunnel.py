"""Websockets to the app behind the gate: after its 101, bytes both ways, as they are.

Frames, compression, pings and subprotocols are between browser and app. Only a 101 opens the tunnel; any other answer
of the app is passed on as an answer, and the connection ends: what follows on it must not reach the app unseen.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

from gatekeeper.shells.asgi import Header
from gatekeeper.shells.proxy.forwarding import from_app
from gatekeeper.shells.proxy.link import CONNECT, PIECE, Link, LinkError
from gatekeeper.shells.proxy.upstream import Upstream
from gatekeeper.shells.server.exchange import Answering
from gatekeeper.shells.server.hygiene import Fault
from gatekeeper.shells.server.last import last_answer, problem
from gatekeeper.shells.server.protocol import Event, GuardedProtocol

HANDSHAKE: Final = 60.0  # seconds for the app to answer
_MOST: Final = 2**20  # bytes of an answer that is no 101
_UPGRADE: Final[list[Header]] = [(b"connection", b"Upgrade"), (b"upgrade", b"websocket")]


class TunnelProtocol(GuardedProtocol):
    """A connection that can become a tunnel. `upstream` is the app; without one no upgrade is offered.

    `direct` finds who answers a request for a target without ASGI.
    """

    def __init__(
        self, *args: Any, upstream: Upstream | None, direct: Callable[[bytes], Answering | None], **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self._upstream = upstream
        self._direct = direct

    def direct(self, target: bytes) -> Answering | None:
        """The endpoint of the gate that is registered for `target`, if any."""
        return self._direct(target)

    def upgraded(self, rest: bytes) -> bool:
        """Hand the connection over; `rest` is what the client sent already."""
        if self._upstream is None or not self._should_upgrade():
            return False
        self.step(Event.UPGRADE)
        self.connections.discard(self)
        _Tunnel(self, self._upstream, rest)
        return True

    def _should_upgrade(self) -> bool:
        framing = dict(self.headers)
        bodiless = b"transfer-encoding" not in framing and not framing.get(b"content-length", b"").strip(b"0")
        return (
            self._upstream is not None
            and self._get_upgrade() == b"websocket"
            and self.parser.get_method() == b"GET"
            and self.parser.get_http_version() == "1.1"
            and bodiless  # some clients say that the length of nothing is 0
            and not self.url.startswith(self._upstream.prefix.encode())
            and (self.cycle is None or self.cycle.response_complete)
        )


class _Tunnel:
    """One websocket. In the server's list of connections, so that it ends when the server does."""

    def __init__(self, protocol: TunnelProtocol, upstream: Upstream, rest: bytes) -> None:
        self._protocol, self._upstream = protocol, upstream
        loop = protocol.loop
        self._reader = asyncio.StreamReader(limit=PIECE, loop=loop)
        streams = asyncio.StreamReaderProtocol(self._reader, loop=loop)
        protocol.transport.set_protocol(streams)
        streams.connection_made(protocol.transport)
        protocol.transport.resume_reading()
        if rest:
            self._reader.feed_data(rest)
        self._writer = asyncio.StreamWriter(protocol.transport, streams, self._reader, loop)
        connections: Any = protocol.connections
        connections.add(self)  # it is asked to shut down, nothing else
        self._task = loop.create_task(self._run())
        protocol.tasks.add(self._task)
        self._task.add_done_callback(self._over)

    def shutdown(self) -> None:
        """The server stops."""
        self._task.cancel()

    def _over(self, task: asyncio.Task[None]) -> None:
        protocol = self._protocol
        connections: Any = protocol.connections
        connections.discard(self)
        protocol.tasks.discard(task)
        protocol.watch.closed(protocol)
        if not protocol.transport.is_closing():
            protocol.transport.close()
        if not task.cancelled():
            task.exception()

    async def _run(self) -> None:
        protocol = self._protocol
        scope: Any = protocol.scope
        link = None
        try:
            link = await self._upstream.pool.link(repeatable=False)
            async with asyncio.timeout(HANDSHAKE + CONNECT):
                await link.ask("GET", protocol.url, [*self._upstream.headers(scope), *_UPGRADE])
                await link.end()
                status, headers = await link.answer()
                if status != 101:
                    await self._refused(link, status, from_app(status, headers))
                    return
            lines = b"".join(b"%s: %s\r\n" % header for header in (*from_app(status, headers), *_UPGRADE))
            self._writer.write(b"HTTP/1.1 101 Switching Protocols\r\n" + lines + b"\r\n")
            reader, writer, rest = link.switched()
            self._writer.write(rest)
            await _both(_copy(self._reader, writer), _copy(reader, self._writer))
        except TimeoutError:
            self._writer.write(problem(Fault(504, "the app behind this gate did not answer in time")))
        except LinkError:
            self._writer.write(problem(Fault(502, "the app behind this gate gave no answer")))
        finally:
            if link is not None:
                link.abort()

    async def _refused(self, link: Link, status: int, headers: list[Header]) -> None:
        body = b""
        async for part in link.body():
            body += part
            if len(body) > _MOST:
                raise LinkError(sent=True)
        kept = [header for header in headers if header[0] != b"content-length"]
        self._writer.write(last_answer(status, kept, body))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until either end closes."""
    with contextlib.suppress(OSError):
        while data := await reader.read(PIECE):
            writer.write(data)
            await writer.drain()


async def _both(*ways: Any) -> None:
    """Until one way has ended; what the other one still holds has been written."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
