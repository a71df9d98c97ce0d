"""Websockets to the app behind the gate: after its 101, bytes both ways, as they are.

Frames, compression, pings and subprotocols are between browser and app. Only a 101 opens the tunnel; any other answer
of the app is passed on as an answer, and the connection ends: what follows on it must not reach the app unseen.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

from gatekeeper.model.head import Head
from gatekeeper.shells.asgi import TARGET, Header, Scope
from gatekeeper.shells.proxy.forwarding import from_app
from gatekeeper.shells.proxy.link import CONNECT, PIECE, Link, LinkError
from gatekeeper.shells.proxy.upstream import Upstream
from gatekeeper.shells.server.connection import Connection
from gatekeeper.shells.server.hygiene import Fault
from gatekeeper.shells.server.last import last_answer, problem

HANDSHAKE: Final = 60.0  # seconds for the app to answer
_MOST: Final = 2**20  # bytes of an answer that is no 101
_UPGRADE: Final[list[Header]] = [(b"connection", b"Upgrade"), (b"upgrade", b"websocket")]


class Tunnels:
    """What takes up upgrades to a websocket, for the app behind the gate."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def takes_up(self, scope: Scope) -> bool:
        """Whether this request becomes a tunnel: a plain GET for the app, and not for us."""
        head: Head = scope["headers"]
        return (
            (head.last(b"upgrade") or b"").lower() == b"websocket"
            and scope["method"] == "GET"
            and scope["http_version"] == "1.1"
            and not head.has(b"transfer-encoding")
            and not (head.last(b"content-length") or b"").strip(b"0")  # some clients give the length of nothing
            and not scope["extensions"][TARGET].startswith(self._upstream.prefix.encode())
        )

    def open(self, connection: Connection, scope: Scope, rest: bytes) -> None:
        """Hand a connection over; `rest` is what the client sent already."""
        connection.served.connections.discard(connection)
        _Tunnel(connection, self._upstream, scope, rest)


class _Tunnel:
    """One websocket. In the server's list of connections, so that it ends when the server does."""

    def __init__(self, connection: Connection, upstream: Upstream, scope: Scope, rest: bytes) -> None:
        self._connection, self._upstream, self._scope = connection, upstream, scope
        loop = connection.loop
        self._reader = asyncio.StreamReader(limit=PIECE, loop=loop)
        streams = asyncio.StreamReaderProtocol(self._reader, loop=loop)
        connection.transport.set_protocol(streams)
        streams.connection_made(connection.transport)
        connection.transport.resume_reading()
        if rest:
            self._reader.feed_data(rest)
        self._writer = asyncio.StreamWriter(connection.transport, streams, self._reader, loop)
        connection.served.connections.add(self)  # it is asked to shut down, nothing else
        self._task = loop.create_task(self._run())
        connection.served.tasks.add(self._task)
        self._task.add_done_callback(self._over)

    def shutdown(self) -> None:
        """The server stops."""
        self._task.cancel()

    def _over(self, task: asyncio.Task[None]) -> None:
        connection = self._connection
        connection.served.connections.discard(self)
        connection.served.tasks.discard(task)
        connection.watch.closed(connection)
        if not connection.transport.is_closing():
            connection.transport.close()
        if not task.cancelled():
            task.exception()

    async def _run(self) -> None:
        scope = self._scope
        link = None
        try:
            link = await self._upstream.pool.link(repeatable=False)
            async with asyncio.timeout(HANDSHAKE + CONNECT):
                await link.ask("GET", scope["extensions"][TARGET], [*self._upstream.headers(scope), *_UPGRADE])
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
