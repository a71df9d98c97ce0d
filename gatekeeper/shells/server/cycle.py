"""A request that goes by ASGI, and its answer as bytes: for the app behind the gate, and for what comes in parts.

An answer is framed by its length if it names one, else in chunks; to HTTP/1.0, which knows no chunks, by the end of
the connection (RFC 9112 section 6.3). An app that fails before its answer is answered for with a 500; one that fails
in it ends the connection, so that half an answer is not taken for a whole one.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Final

from gatekeeper.shells.asgi import OWN_DATE, UNTIL_CLOSE, App, Message, Reply, Scope, respond
from gatekeeper.shells.server.connection import Connection
from gatekeeper.shells.server.last import STATUS_LINE

_MOST: Final = 65_536  # bytes of a body that wait for the app
_NOT_A_NAME: Final = re.compile(rb'[\x00-\x1f\x7f()<>@,;:\[\]={} \t\\"]')
_NOT_A_VALUE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_FAILED: Final = Reply(
    500, b"Internal Server Error", ((b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close"))
)
_log = logging.getLogger("gatekeeper")


class Cycle:
    """A request and its answer, by ASGI. A `Request` of its connection."""

    def __init__(self, connection: Connection, app: App, scope: Scope, *, keep_alive: bool, expects: bool) -> None:
        self._connection = connection
        self._app = app
        self._scope = scope
        self._expects = expects  # to be told to continue
        self._news = asyncio.Event()  # of the body, or of the end
        self._body = bytearray()
        self._more = True
        self._dated = True
        self._framed = False
        self._chunked = False
        self._left: int | None = 0  # bytes of the answer that are still to come; `None`: it ends with the connection
        self.keep_alive = keep_alive
        self.disconnected = False
        self.started = False
        self.complete = False
        scope["extensions"] |= {OWN_DATE: self._date_itself, UNTIL_CLOSE: self._end_by_closing}

    def begin(self) -> None:
        """Call the app."""
        self._connection.run(self._run())

    def feed(self, part: bytes) -> bool:
        """Keep a part of the body until the app receives it; what comes after the answer is dropped."""
        if not self.complete:
            self._body += part
            if len(self._body) > _MOST:
                self._connection.flow.pause_reading()
            self._news.set()
        return True

    def whole(self) -> None:
        """The body has come."""
        self._more = False
        self._news.set()

    def lose(self) -> None:
        """Tell the app that the client has gone."""
        self.disconnected = True
        self._news.set()

    async def receive(self) -> Message:
        """What has come of the body since the last time, or that the client is not there any more."""
        connection = self._connection
        if self._expects and not connection.transport.is_closing():
            self._expects = False
            connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if not self.disconnected and not self.complete:
            connection.flow.resume_reading()
            await self._news.wait()
            self._news.clear()
        if self.disconnected or self.complete:
            return {"type": "http.disconnect"}
        body, self._body = bytes(self._body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self._more}

    async def send(self, message: Message) -> None:
        """Write a part of the answer, once the client reads. Raises RuntimeError for what cannot be one."""
        flow = self._connection.flow
        if flow.write_paused and not self.disconnected:
            await flow.drain()
        if self.disconnected:
            return
        expected = "body" if self.started else "start"
        if self.complete or message["type"] != f"http.response.{expected}":
            raise RuntimeError(f"{message['type']} is sent where it cannot follow")
        if self.started:
            self._write(message.get("body", b""), more=message.get("more_body", False))
        else:
            self._start(message["status"], [*message.get("headers", ())])

    async def _run(self) -> None:
        failed = True
        try:
            await self._app(self._scope, self.receive, self.send)
            failed = not self.complete and not self.disconnected
            if failed:
                _log.error("an app gave no whole answer")
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  # the traceback could show a visitor's data
            _log.error("a request was not answered (%s)", type(error).__name__)
        if failed and self.started:
            self._connection.transport.close()
        elif failed:
            await respond(self.send, _FAILED)

    def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.started, self._expects = True, False
        lines, closing = [STATUS_LINE[status]], False
        for name, value in (*(self._connection.served.default_headers if self._dated else ()), *headers):
            name = name.lower()
            if _NOT_A_NAME.search(name) or _NOT_A_VALUE.search(value):
                raise RuntimeError("a header of the answer is not a valid header")
            if name == b"content-length" and not self._framed:
                self._framed, self._left = True, int(value)
            elif name == b"transfer-encoding" and value.lower() == b"chunked":
                self._framed, self._chunked, self._left = True, True, 0
            elif name == b"connection" and b"close" in [token.lower().strip() for token in value.split(b",")]:
                self.keep_alive, closing = False, True
            lines.append(b"%s: %s\r\n" % (name, value))
        if not self.keep_alive and not closing:
            lines.append(b"connection: close\r\n")
        if not self._framed and self._scope["method"] != "HEAD" and status not in (204, 304):
            self._chunked = True
            lines.append(b"transfer-encoding: chunked\r\n")
        self._connection.transport.write(b"".join(lines) + b"\r\n")

    def _write(self, body: bytes, *, more: bool) -> None:
        connection = self._connection
        if self._scope["method"] == "HEAD":
            self._left = 0
        elif self._chunked:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            connection.transport.write(chunk if more else chunk + b"0\r\n\r\n")
        else:
            if self._left is not None:
                self._left -= len(body)
                if self._left < 0:
                    raise RuntimeError("the answer is longer than its Content-Length")
            connection.transport.write(body)
        if more:
            return
        if self._left:
            raise RuntimeError("the answer is shorter than its Content-Length")
        self.complete = True
        self._news.set()
        if not self.keep_alive:
            connection.transport.close()
        connection.answered()

    def _date_itself(self) -> None:
        """Add no Date: the answer has one."""
        self._dated = False

    def _end_by_closing(self) -> None:
        """Let the answer end with the connection."""
        self._framed, self._left = True, None
