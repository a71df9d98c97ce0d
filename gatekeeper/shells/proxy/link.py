"""Connections to the app behind the gate: HTTP/1.1 by h11 over asyncio's streams, and a pool of idle ones.

Unlike `delivery.send` this passes on what it is given, byte by byte: targets are not normalised, bodies not
gathered. h11 reads the answers, strictly; at most two buffers of 64 KiB wait on either side.
"""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import h11

from gatekeeper.shells.asgi import Header

CONNECT: Final = 5.0  # seconds
PIECE: Final = 65_536  # bytes
_HEAD: Final = 128 * 1024  # bytes of an answer's head
_IDLE: Final = 4.0  # seconds an unused connection is kept: servers close theirs after 5
_FRESH: Final = 1.0  # seconds in which one may still carry what cannot be sent twice
_MOST: Final = 64  # unused connections


class LinkError(Exception):
    """The app gave no answer, or none in HTTP; `sent` is whether it may have acted on the request."""

    def __init__(self, sent: bool) -> None:
        self.sent = sent
        super().__init__("sent" if sent else "not sent")


@dataclass(frozen=True, slots=True)
class Target:
    """Where the app is."""

    host: str
    port: int
    tls: bool

    @property
    def name(self) -> bytes:
        """As a Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}".encode("ascii")


def parse_target(url: str) -> Target:
    """The target of an http(s) URL without a path. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(url)
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError(url)
    return Target(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80), parts.scheme == "https")


class Link:
    """One connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD)
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self.used = False  # for an earlier request
        self.moved = self._since  # when a byte last went or came
        self.answering = False

    async def ask(self, method: str, target: bytes, headers: list[Header]) -> None:
        """Send a request's head. Raises LinkError."""
        await self._write(h11.Request, method=method, target=target, headers=headers)

    async def pour(self, data: bytes) -> None:
        """Send a part of its body. Raises LinkError."""
        if data:
            await self._write(h11.Data, data=data)

    async def end(self) -> None:
        """Its body is whole. Raises LinkError."""
        await self._write(h11.EndOfMessage)

    async def answer(self) -> tuple[int, list[Header]]:
        """Status and headers: 101 or final; interim answers are dropped. Raises LinkError."""
        while True:
            event = await self._event()
            if isinstance(event, h11.Response) or (
                isinstance(event, h11.InformationalResponse) and event.status_code == 101
            ):
                return event.status_code, list(event.headers)
            if not isinstance(event, h11.InformationalResponse):
                raise LinkError(sent=True)

    async def body(self) -> AsyncIterator[bytes]:
        """The parts of the answer's body. Raises LinkError where it breaks off."""
        while True:
            event = await self._event()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):  # with its trailers, which are not passed on
                return
            else:
                raise LinkError(sent=True)

    def switched(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
        """After 101: the streams, and what came behind the answer already."""
        return self._reader, self._writer, self._http.trailing_data[0]

    def finish(self) -> bool:
        """Make it ready for another request; `False`: it cannot be."""
        try:
            self._http.start_next_cycle()
        except h11.ProtocolError:
            return False
        self.used, self.answering, self._since = True, False, self._loop.time()
        return self.usable(repeatable=True)

    def usable(self, *, repeatable: bool) -> bool:
        """Whether a request may be tried on it; one that cannot be repeated only on a connection just used."""
        reader: Any = self._reader
        # Bytes that arrived without a request would be taken for the next request's answer.
        unasked = bool(reader._buffer) or bool(self._http.trailing_data[0])
        closed = self._writer.transport.is_closing() or self._reader.at_eof()
        if closed or unasked or self._loop.time() - self._since >= (_IDLE if repeatable else _FRESH):
            return False
        return repeatable or not self._waits()

    def _waits(self) -> bool:
        """Whether the system has something that the loop has not read yet: a close, or what nothing asked for."""
        poll = select.poll()
        poll.register(self._writer.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def abort(self) -> None:
        """Hang up."""
        self._writer.transport.abort()

    async def _write(self, kind: Callable[..., Any], **parts: object) -> None:
        try:
            data = self._http.send(kind(**parts))
            if data:
                self._writer.write(data)
                await self._writer.drain()
        except (h11.ProtocolError, OSError):  # the first: the app has ended its answer, or the connection, already
            raise LinkError(sent=self.answering or not self.used) from None
        self.moved = self._loop.time()

    async def _event(self) -> object:
        try:
            while True:
                event = self._http.next_event()
                if event is not h11.NEED_DATA:
                    return event
                data = await self._reader.read(PIECE)
                self.answering = self.answering or bool(data)
                self.moved = self._loop.time()
                self._http.receive_data(data)
        except (h11.ProtocolError, OSError):
            raise LinkError(sent=self.answering or not self.used) from None


class Pool:
    """Connections to one app, on one event loop."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._idle: list[Link] = []
        self._tls = ssl.create_default_context() if target.tls else None
        if self._tls is not None:
            self._tls.keylog_filename = None  # type: ignore[assignment]  # as for vendors: no SSLKEYLOGFILE

    async def link(self, *, repeatable: bool) -> Link:
        """A connection, unused or new. Raises LinkError."""
        while self._idle:
            link = self._idle.pop()
            if link.usable(repeatable=repeatable):
                return link
            link.abort()
        try:
            async with asyncio.timeout(CONNECT):
                return Link(
                    *await asyncio.open_connection(self.target.host, self.target.port, ssl=self._tls, limit=PIECE)
                )
        except OSError:  # TimeoutError is one
            raise LinkError(sent=False) from None

    def back(self, link: Link) -> None:
        """Keep a connection for the next request, if it can carry one."""
        if len(self._idle) < _MOST and link.finish():
            self._idle.append(link)
        else:
            link.abort()

    def close(self) -> None:
        """Hang up on all that are unused."""
        while self._idle:
            self._idle.pop().abort()
