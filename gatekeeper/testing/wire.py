"""HTTP/1.1 requests off a connection, with every byte kept. Is given bytes, decides nothing.

A parser library hands out parts and forgets the rest; a test that asks what left the house needs the rest.
So this reads by hand what RFC 9112 calls a message: head, then a body framed by Content-Length or by chunks.
It is strict where two parsers could disagree (both framings at once, bare line feeds, folded headers): a
proxy that sends such a request has a bug that its tests should see.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

MAX_HEAD = 64 * 1024  # bytes of request line and headers
MAX_BODY = 64 * 1024 * 1024  # bytes of body as on the wire, chunk framing included

Headers = tuple[tuple[str, str], ...]

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(rf"({_NAME}) (\S+) HTTP/1\.([01])")
_HEADER = re.compile(rf"({_NAME}):([^\r\n\0]*)")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[^\r\n]*)?\r\n")


@dataclass(frozen=True, slots=True)
class Message:
    """A request as read. `fault` says why it is not one; then the other fields hold what was understood.

    `status` is what to answer to a faulty one (0: the peer is gone). `last` tells to close the connection.
    """

    method: str = ""
    target: str = field(default="", repr=False)
    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    raw: bytes = field(default=b"", repr=False)
    last: bool = False
    fault: str | None = None
    status: int = 0


class _BrokenError(Exception):
    """The bytes are not a request; `status` is the answer, or 0 where the client has gone."""

    def __init__(self, status: int, fault: str) -> None:
        self.status = status
        self.fault = fault
        super().__init__(fault)


class Wire:
    """The receiving half of one connection."""

    def __init__(self, receive: Callable[[], Awaitable[bytes]], proceed: Callable[[], Awaitable[None]]) -> None:
        """`receive` gives the bytes that came next, none at the end of the connection.

        `proceed` is awaited before a body is read that the client announced with `Expect: 100-continue`.
        """
        self._receive = receive
        self._proceed = proceed
        self._ahead = bytearray()  # read from the socket, not yet part of a message
        self._tape = bytearray()  # every byte of the message that is being read

    async def message(self) -> Message | None:
        """The next request, or None when the peer closed the connection between requests."""
        self._tape.clear()
        method, target, version, body = "", "", "", b""
        headers: Headers = ()
        try:
            head = await self._until(b"\r\n\r\n")
            method, target, version, headers = _parse_head(head)
            framing = _framing(headers, version)
            if framing != 0 and _values(headers, "expect") == ["100-continue"]:
                await self._proceed()
            body = await self._chunks() if framing is None else await self._exactly(framing)
        except _BrokenError as broken:
            self._tape += self._ahead
            raw = bytes(self._tape)
            return Message(method, target, headers, body, raw, True, broken.fault, broken.status) if raw else None
        last = version == "0" or "close" in _tokens(headers, "connection")
        return Message(method, target, headers, body, bytes(self._tape), last)

    async def gone(self) -> None:
        """Read and forget until the peer closes the connection."""
        while await self._receive():
            pass

    async def _chunks(self) -> bytes:
        """The body of a chunked request; its trailers are kept on the tape only."""
        body = bytearray()
        while True:
            size = _CHUNK.fullmatch(await self._until(b"\r\n"))
            if size is None:
                raise _BrokenError(400, "a chunk without a size")
            count = int(size[1], 16)
            if count == 0:
                break
            body += await self._exactly(count)
            if await self._exactly(2) != b"\r\n":
                raise _BrokenError(400, "a chunk longer than its size")
        trailers = 0
        while (line := await self._until(b"\r\n")) != b"\r\n":
            trailers += len(line)
            if trailers > MAX_HEAD:
                raise _BrokenError(431, f"more than {MAX_HEAD} bytes of trailers")
        return bytes(body)

    async def _until(self, mark: bytes) -> bytes:
        """Everything up to and with `mark`."""
        searched = 0
        while (found := self._ahead.find(mark, searched)) < 0:
            if len(self._ahead) > MAX_HEAD:
                raise _BrokenError(431, f"more than {MAX_HEAD} bytes of headers")
            searched = max(0, len(self._ahead) - len(mark) + 1)
            await self._more()
        return self._advance(found + len(mark))

    async def _exactly(self, count: int) -> bytes:
        """The next `count` bytes, unless they would exceed the limit."""
        if len(self._tape) + count > MAX_HEAD + MAX_BODY:
            raise _BrokenError(413, f"more than {MAX_BODY} bytes of body")
        while len(self._ahead) < count:
            await self._more()
        return self._advance(count)

    def _advance(self, count: int) -> bytes:
        data = bytes(self._ahead[:count])
        del self._ahead[:count]
        self._tape += data
        return data

    async def _more(self) -> None:
        data = await self._receive()
        if not data:
            raise _BrokenError(0, "the connection ended within the request")
        self._ahead += data


def is_header(name: str, value: str) -> bool:
    """Whether the two can stand in a message as one header line."""
    return _HEADER.fullmatch(f"{name}:{value}") is not None and value.isascii()


def _parse_head(head: bytes) -> tuple[str, str, str, Headers]:
    """Method, target, minor version and headers."""
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    request = _REQUEST_LINE.fullmatch(first)
    if request is None:
        raise _BrokenError(400, "not an HTTP/1.1 request line")
    headers = []
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None:
            raise _BrokenError(400, "a header that is not name and value")
        headers.append((header[1], header[2].strip(" \t")))
    return request[1], request[2], request[3], tuple(headers)


def _framing(headers: Headers, version: str) -> int | None:
    """The length of the body in bytes, or None for a chunked one (RFC 9112, section 6.3)."""
    if version == "1" and len(_values(headers, "host")) != 1:
        raise _BrokenError(400, "not exactly one Host header")
    codings, lengths = _tokens(headers, "transfer-encoding"), _values(headers, "content-length")
    if codings and lengths:
        raise _BrokenError(400, "Content-Length and Transfer-Encoding in one request")
    if codings:
        if codings != ["chunked"]:
            raise _BrokenError(501, "a Transfer-Encoding other than chunked")
        return None
    if len(lengths) > 1 or not all(length.isascii() and length.isdigit() for length in lengths):
        raise _BrokenError(400, "not exactly one decimal Content-Length")
    digits = lengths[0].lstrip("0") if lengths else ""
    if len(digits) > len(str(MAX_BODY)) or int(digits or 0) > MAX_BODY:
        raise _BrokenError(413, f"more than {MAX_BODY} bytes of body")
    return int(digits or 0)


def _values(headers: Headers, name: str) -> list[str]:
    """All values of a header, in lower case."""
    return [value.lower() for key, value in headers if key.lower() == name]


def _tokens(headers: Headers, name: str) -> list[str]:
    """All members of a comma-separated header, in lower case."""
    return [token.strip() for value in _values(headers, name) for token in value.split(",")]
