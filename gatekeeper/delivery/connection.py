"""One connection to a vendor: HTTP/1.1, one request at a time. llhttp reads the answers, strictly.

An answer is bounded in its head (MAX_HEAD, MAX_HEADERS) and its body (MAX_ANSWER). Interim answers are skipped, other
protocols never spoken, trailers dropped. Bytes that were not requested end the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeAlias

import httptools

from gatekeeper.model import Answer

GARBAGE: Final = "no_answer"  # it was asked; what came back is not in HTTP, or broke off
MAX_ANSWER: Final = 4 * 2**20  # bytes; Google Ads echoes each of 2000 conversions, and says what was wrong with it
MAX_HEAD: Final = 64 * 2**10  # bytes of an answer's head, the interim ones before it included
MAX_HEADERS: Final = 100

Reply: TypeAlias = Answer | str  # the answer, or the code of a DeliveryError
_BEGIN: Final = b"HTTP/1."
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})


class Connection(asyncio.Protocol):
    """Made by the loop. Between requests it may be kept, as long as it is `reusable`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, lost: Callable[[Connection], None]) -> None:
        self.since = 0.0  # when it was last used, on the loop's clock
        self._loop = loop
        self._lost = lost
        self.transport: Any = None
        self._parser: Any = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[Reply] | None = None
        self._keep = False
        self._bodiless = False
        self._first: bytes | None = b""  # of an answer, until it is certain to be one
        self._in_head = True
        self._head = self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: bytes | bytearray = b""

    @property
    def open(self) -> bool:
        """Whether a request may be written to it."""
        return not self.transport.is_closing()

    @property
    def written(self) -> bool:
        """Whether all that was written is with the system."""
        return self.transport is None or self.transport.get_write_buffer_size() == 0

    @property
    def reusable(self) -> bool:
        """Whether it can carry another request: the last one is whole, and so is its answer, with nothing behind it."""
        transport = self.transport
        return (
            self._keep
            and self._waiter is None
            and not transport.is_closing()
            and transport.get_write_buffer_size() == 0
        )

    def ask(self, request: bytes, *, bodiless: bool) -> asyncio.Future[Reply]:
        """Write a request to an `open` connection; the future may be resolved early, by the caller that gives it up.

        `bodiless`: the answer has no body, whatever it says (HEAD).
        """
        waiter = self._waiter = self._loop.create_future()
        self._bodiless = bodiless
        self._first, self._in_head, self._keep = b"", True, False
        self._head = 0
        self.transport.write(request)
        return waiter

    def abort(self) -> None:
        """End the connection at once."""
        self._keep = False
        if self._parser is not None:  # asyncio's transports fail if they were closed already
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection was made."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer."""
        if self._waiter is None:
            self.abort()
            return
        if self._first is not None:
            if self._first:
                data = self._first + data
            if not data.startswith(_BEGIN):
                if _BEGIN.startswith(data):
                    self._first = data
                else:
                    self._fail()
                return
            self._first = None
        if self._in_head:
            self._head += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail()
            return
        if self._in_head and self._head > MAX_HEAD:
            self._fail()

    def eof_received(self) -> None:
        """The vendor sends no more: that ends a body without any framing, and the connection in any case."""
        if not self._in_head and not any(name.lower() in _FRAMING for name, _ in self._headers):
            self._finish(keep=False)
        self._fail()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection was lost."""
        self._parser = None  # which knows this object
        self._fail()
        self._lost(self)

    def on_message_begin(self) -> None:
        """The parser: an answer begins."""
        if self._waiter is None:
            self._keep = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser: a header, or a trailer."""
        if self._in_head:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The parser: a head is whole."""
        status = self._status = self._parser.get_status_code()
        headers = self._headers
        if len(headers) > MAX_HEADERS or (self._head > MAX_HEAD and _bytes_of(headers) > MAX_HEAD):
            raise ValueError("the head is too large")
        if status < 200:
            if status < 100 or status == 101:
                raise ValueError("an upgrade to another protocol was not requested")
            return
        self._in_head = False
        if self._bodiless:
            self._finish(keep=False)  # httptools cannot be told that no body follows

    def on_body(self, data: bytes) -> None:
        """The parser: a part of a body."""
        if not self._body:
            self._body = data
        elif isinstance(self._body, bytearray):
            self._body += data
        else:
            self._body = bytearray(self._body)
            self._body += data
        if len(self._body) >= MAX_ANSWER:
            self._body = self._body[:MAX_ANSWER]
            self._finish(keep=False)
            raise ValueError("the body is too large")

    def on_message_complete(self) -> None:
        """The parser: an answer is whole, or was an interim one."""
        if self._in_head:
            self._headers = []
        else:
            self._finish(keep=self._parser.should_keep_alive())

    def _finish(self, *, keep: bool) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is None:
            return
        self._keep = keep
        if not waiter.done():
            headers = tuple([(_lower(name), value.decode("latin-1").rstrip(" \t")) for name, value in self._headers])
            waiter.set_result(Answer(self._status, headers, bytes(self._body)))
        self._headers, self._body = [], b""

    def _fail(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(GARBAGE)
        self.abort()


def _bytes_of(headers: list[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) + 4 for name, value in headers)


@lru_cache(maxsize=512)
def _lower(name: bytes) -> str:
    return name.decode("latin-1").lower()
