"""HTTP as the gate accepts it: uvicorn's httptools protocol with what it lacks.

    the head            checked by `hygiene`; bounded in bytes, in headers and in time
    the body            bounded in time: a client that sends slower than `SLOWEST` bytes a second is cut off
    the answer          a client that does not read it for `UNREAD` seconds is cut off
    a connection        closed after `timeout_keep_alive` seconds without a request
    trailers            dropped: they are not headers, and nothing has checked them
    names with `_`      dropped: to CGI and WSGI apps `Gatekeeper_Context` and `Gatekeeper-Context` are one
    connections         bounded, in all and per address (`watch.py`)
    access log          none, even if a handler is attached to it: queries hold vendors' secrets

`FOLLOWS` says what a connection is reading; `TIMERS` what it waits for meanwhile. The file is long because it is one
state machine: table, timers and each event of uvicorn's protocol are read together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final
from urllib.parse import unquote

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from gatekeeper.model.head import Head
from gatekeeper.model.states import Follows
from gatekeeper.shells.asgi import NO_ROOM, OWN_DATE, TARGET, UNTIL_CLOSE
from gatekeeper.shells.server.declined import framing, parser_for_the_rest
from gatekeeper.shells.server.exchange import Answering, Exchange
from gatekeeper.shells.server.head import HeadSize, size
from gatekeeper.shells.server.hygiene import Fault, request_fault
from gatekeeper.shells.server.last import problem, unparsed, until_close
from gatekeeper.shells.server.watch import LINGER, Clock, Watch


class Reading(StrEnum):
    """What a connection is reading."""

    FRESH = "nothing has come yet"
    HEAD = "a head"
    BODY = "a body"
    BETWEEN = "nothing: a request has come, its answer has not ended"
    RESTING = "nothing: kept alive"
    REFUSED = "nothing more: refused"
    TUNNEL = "nothing more: handed over"


class Event(StrEnum):
    """What happens to a connection."""

    BYTES = "bytes come"
    BEGIN = "a request begins"
    HEAD_ENDS = "its head ends"
    BODY_ENDS = "its body ends, or it has none"
    ANSWERED = "all answers have ended"
    REFUSE = "it is refused"
    UPGRADE = "its upgrade is taken up"


FOLLOWS: Final[Follows[Reading, Event]] = {
    (Reading.FRESH, Event.BYTES): Reading.HEAD,
    (Reading.HEAD, Event.BYTES): Reading.HEAD,
    (Reading.HEAD, Event.BEGIN): Reading.HEAD,
    (Reading.HEAD, Event.HEAD_ENDS): Reading.BODY,
    (Reading.BODY, Event.BYTES): Reading.BODY,
    (Reading.BODY, Event.BODY_ENDS): Reading.BETWEEN,
    (Reading.BETWEEN, Event.BYTES): Reading.HEAD,
    (Reading.BETWEEN, Event.BEGIN): Reading.HEAD,  # in the bytes that ended the last one
    (Reading.BETWEEN, Event.UPGRADE): Reading.TUNNEL,
    (Reading.BETWEEN, Event.ANSWERED): Reading.RESTING,
    (Reading.HEAD, Event.ANSWERED): Reading.HEAD,
    (Reading.BODY, Event.ANSWERED): Reading.BODY,
    (Reading.RESTING, Event.BYTES): Reading.HEAD,
    (Reading.FRESH, Event.REFUSE): Reading.REFUSED,
    (Reading.HEAD, Event.REFUSE): Reading.REFUSED,
    (Reading.BODY, Event.REFUSE): Reading.REFUSED,
    (Reading.BETWEEN, Event.REFUSE): Reading.REFUSED,  # behind a request that was to be the last one
    (Reading.REFUSED, Event.ANSWERED): Reading.REFUSED,
}
# What is waited for; while that stays the same, so does the timer. `None`: for nothing of the client's.
TIMERS: Final[Mapping[Reading, str | None]] = {
    Reading.FRESH: "head",
    Reading.HEAD: "head",
    Reading.BODY: "body",
    Reading.BETWEEN: None,
    Reading.RESTING: "request",
    Reading.REFUSED: None,
    Reading.TUNNEL: None,
}
# Looked up once: an enum's member costs as much as a call, and a head asks once per header.
_HEAD: Final = Reading.HEAD
_BODY: Final = Reading.BODY
_REFUSED: Final = Reading.REFUSED
_BYTES: Final = Event.BYTES
_BEGIN: Final = Event.BEGIN
_HEAD_ENDS: Final = Event.HEAD_ENDS
_BODY_ENDS: Final = Event.BODY_ENDS
_ANSWERED: Final = Event.ANSWERED
# Between two requests, or before the first one.
_NO_REQUEST: Final = frozenset({Reading.FRESH, Reading.BETWEEN, Reading.RESTING})
_NOT_IN_BODY: Final = _NO_REQUEST | {Reading.HEAD}


class GuardedProtocol(HttpToolsProtocol):
    """One connection. Made by `guarded`."""

    def __init__(self, *args: Any, watch: Watch, **more: Any) -> None:
        super().__init__(*args, **more)
        self.access_log = False  # whatever listens to uvicorn's loggers: queries hold secrets, and what visitors did
        self.watch = watch
        self.address: str | None = None
        self.reading = Reading.FRESH
        self.clock = Clock(self.loop.time)
        self._head = HeadSize()
        self._body = 0  # bytes
        self._fault: Fault | None = None  # why it is refused
        self._exchange: Exchange | None = None  # whose body is on its way
        self._unanswered = 0  # requests whose head has come

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """A client has connected."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else None
        self.clock.wait_for("head", self.watch.limits.head_timeout)
        if not self.watch.opened(self):
            self._refuse(Fault(503, "there are too many connections"))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self.watch.closed(self)
        if self._exchange is not None:
            self._exchange.end()
        super().connection_lost(exc)

    def step(self, event: Event) -> None:
        """Let an event happen: what is read, and what is waited for."""
        self.reading = reading = FOLLOWS[self.reading, event]
        what = TIMERS[reading]
        if what is None:
            self.clock.wait_for(None)
        elif what == "head":
            self.clock.wait_for(what, self.watch.limits.head_timeout)
        elif what == "body":
            self.clock.wait_for(what, self.watch.limits.body_timeout)
        else:
            self.clock.wait_for(what, self.timeout_keep_alive)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self.transport.is_closing() or self.reading is _REFUSED:
            return
        self._head.came(len(data), of_head=self.reading is not _BODY)
        self.step(_BYTES)
        while data:
            try:
                self.parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                if self.upgraded(data):
                    return
                self.parser = parser_for_the_rest(self, self.headers)
            except httptools.HttpParserError as error:
                self._refuse(self._fault or unparsed(error, data))
                return
        if self.reading is _HEAD and self._head.over(self.watch.limits.head_bytes):
            self._refuse(Fault(431, "the header is too large"))

    def upgraded(self, rest: bytes) -> bool:
        """The client asked for another protocol; `rest` is what it sent after. Whether it gets it."""
        return False

    def on_message_begin(self) -> None:
        """A request begins; line breaks before it do not count."""
        super().on_message_begin()
        self._head.begins()
        self.step(_BEGIN)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or trailer."""
        if self.reading is _HEAD and b"_" not in name:
            self.headers.append((name.lower(), value.rstrip(b" \t")))  # RFC 9110 section 5.5

    def on_headers_complete(self) -> None:
        """The head is there: refuse it, or begin."""
        limits = self.watch.limits
        if len(self.headers) > limits.headers:
            self._spoil(Fault(431, "there are too many headers"))
        if self._head.may_be_over(limits.head_bytes) and size(self.headers) + len(self.url) > limits.head_bytes:
            self._spoil(Fault(431, "the header is too large"))
        method, version = self.parser.get_method().decode("ascii"), self.parser.get_http_version()
        head = Head(self.headers)
        fault = request_fault(method, self.url, version, head, limits.hosts)
        if fault is not None:
            self._spoil(fault)
        self._head.ends()
        self._body = 0
        self.step(_HEAD_ENDS)
        upgrade = self.parser.should_upgrade()
        if upgrade and self._should_upgrade():
            return  # `upgraded` is next
        self._unanswered += 1
        exchange = self._exchange = self._begin(method, version, head, upgrade=upgrade)
        if exchange is not None:
            self.cycle = exchange  # type: ignore[assignment]  # it has what is asked of one
            return
        super().on_headers_complete()
        scope: Any = self.scope
        cycle = self.cycle
        scope["extensions"] = {
            TARGET: self.url,
            OWN_DATE: lambda: setattr(cycle, "default_headers", []),
            UNTIL_CLOSE: lambda: until_close(cycle),
        }

    def _begin(self, method: str, version: str, head: Head, *, upgrade: bool) -> Exchange | None:
        """The way past ASGI, for a plain request that an endpoint of ours answers; `None` for any other."""
        answering = self.direct(self.url)
        expected = head.last(b"expect")
        if expected is not None:
            self.expect_100_continue = expected.lower() == b"100-continue"
        if answering is None or upgrade or version != "1.1" or method == "HEAD" or self.expect_100_continue:
            return None
        if self.cycle is not None and not self.cycle.response_complete:
            return None  # pipelined behind another one
        length = head.last(b"content-length") or b"0"
        if head.has(b"transfer-encoding") or len(length) > 9 or int(length) > self.watch.limits.body:
            return None
        raw, _, query = self.url.partition(b"?")
        path = raw.decode("ascii")
        scope: Any = self.scope
        scope["method"], scope["headers"] = method, head
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"], scope["query_string"] = raw, query
        scope["extensions"] = {TARGET: self.url}
        return Exchange(self, scope, answering, self.watch.bodies, keep_alive=self.parser.should_keep_alive())

    def direct(self, target: bytes) -> Answering | None:
        """What answers a request for `target` without ASGI; `None` if it goes the way of ASGI."""
        return None

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body += len(body)
        self.clock.came(self._body, self.watch.limits.body_timeout)
        if self._exchange is not None:
            if not self._exchange.feed(body, self._lose):
                self._spoil(Fault(503, NO_ROOM))
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self.parser.should_upgrade() and not self._should_upgrade() and framing(self.headers):
            return  # its body is still to come
        self._head.ends()
        self.step(_BODY_ENDS)
        if self._exchange is not None:
            exchange, self._exchange = self._exchange, None
            exchange.begin()
        else:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is whole, the request perhaps not: its rest is read for a while, then it is over."""
        self._unanswered -= 1
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self.step(_ANSWERED)
        if self.reading is _REFUSED and not self._unanswered:
            self.transport.close()
        elif self.reading is _BODY:
            self.clock.hurry(LINGER)

    def look(self, now: float) -> None:
        """End what takes too long."""
        if self.clock.stuck(now, self.transport.get_write_buffer_size()):
            self.transport.abort()
        elif self.flow.read_paused and self.reading is _BODY:
            self.clock.paused()
        elif not self.transport.is_closing() and self.clock.over(now):
            if self.reading in _NO_REQUEST:
                self.transport.close()
            else:
                self._refuse(Fault(408, "the request did not arrive in time"))

    def _lose(self) -> None:
        """Others need the room of the body that is coming."""
        if self._exchange is not None:
            self._exchange.end()
        if self.reading is _BODY and not self.transport.is_closing():
            self._refuse(Fault(503, NO_ROOM))

    def _spoil(self, fault: Fault) -> None:
        """Refuse out of a callback of the parser, which ends at once."""
        self._fault = fault
        raise ValueError(fault.title)

    def _refuse(self, fault: Fault) -> None:
        in_body = self.reading not in _NOT_IN_BODY
        self._fault = fault
        self.step(Event.REFUSE)
        cycle = self.cycle
        if cycle is not None and cycle.response_complete and in_body:
            self.transport.close()  # answered already, before its body was whole
        elif cycle is not None and not cycle.response_complete:
            queued = bool(self.pipeline) and self.pipeline[0][0] is cycle
            if not in_body or queued:
                # An earlier request's answer is under way: it ends whole, and the connection with it.
                if in_body:
                    self.pipeline.popleft()
                    self._unanswered -= 1
                return
            cycle.disconnected = True  # its own body is at fault
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.close()
        if self.transport.is_closing():
            return
        self.transport.write(problem(fault))
        self.transport.close()


def guarded(watch: Watch, kind: Callable[..., GuardedProtocol] = GuardedProtocol) -> Callable[..., asyncio.Protocol]:
    """Give uvicorn's `http` setting what it makes connections with."""

    def make(
        config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: Any = None
    ) -> GuardedProtocol:
        return kind(config, server_state, app_state, _loop, watch=watch)

    return make
