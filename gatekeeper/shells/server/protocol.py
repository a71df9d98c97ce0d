"""HTTP as the gate accepts it: one connection, on httptools' parser.

    the head            checked by `hygiene`; bounded in bytes, in headers and in time
    the body            bounded in time: a client that sends slower than `SLOWEST` bytes a second is cut off
    the answer          a client that does not read it for `UNREAD` seconds is cut off
    a connection        closed after `KEEP_ALIVE` seconds without a request
    trailers            dropped: they are not headers, and nothing has checked them
    names with `_`      dropped: to CGI and WSGI apps `Gatekeeper_Context` and `Gatekeeper-Context` are one
    connections         bounded, in all and per address (`watch.py`)
    access log          none: queries hold vendors' secrets

A request that an endpoint of ours answers is an `Exchange`, any other is a `Cycle` of ASGI. `states.FOLLOWS` says what
a connection is reading, `states.TIMERS` what it waits for meanwhile.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import httptools

from gatekeeper.model.head import Head
from gatekeeper.shells.asgi import NO_ROOM, Header, Scope
from gatekeeper.shells.server.connection import Flow, Request, Served
from gatekeeper.shells.server.declined import framing, parser_for_the_rest
from gatekeeper.shells.server.head import HeadSize, size
from gatekeeper.shells.server.hygiene import Fault, request_fault
from gatekeeper.shells.server.last import problem, unparsed
from gatekeeper.shells.server.states import FOLLOWS, NO_REQUEST, TIMERS, Event, Reading
from gatekeeper.shells.server.watch import KEEP_ALIVE, LINGER, NEVER, Clock
from gatekeeper.shells.server.ways import Ways, address, asked

# Looked up once: an enum's member costs as much as a call, and a head asks once per header.
_HEAD: Final = Reading.HEAD
_BODY: Final = Reading.BODY
_REFUSED: Final = Reading.REFUSED
_BYTES: Final = Event.BYTES
_BEGIN: Final = Event.BEGIN
_HEAD_ENDS: Final = Event.HEAD_ENDS
_BODY_ENDS: Final = Event.BODY_ENDS
_ANSWERED: Final = Event.ANSWERED


class GuardedProtocol(asyncio.Protocol):
    """One connection. `served` is what the server itself keeps; `state` is what the app's lifespan left there."""

    transport: asyncio.Transport
    flow: Flow

    def __init__(self, ways: Ways, served: Served, state: Mapping[str, Any]) -> None:
        self.loop = asyncio.get_running_loop()
        self.served = served
        self.state = state
        self.watch = ways.watch
        self.client: tuple[str, int] | None = None
        self.reading = Reading.FRESH
        self.clock = Clock(self.loop.time)
        self._ways = ways
        self._parser: Any = httptools.HttpRequestParser(self)
        self._fault: Fault | None = None  # why it is refused
        self._size = HeadSize()
        self._target = b""
        self._headers: list[Header] = []
        self._body = 0  # bytes
        self._open: deque[Request] = deque()  # whose head has come and whose answer has not ended: the first has begun
        self._coming: Request | None = None  # whose body is on its way, or was the last to come
        self._taken: Scope | None = None  # the request whose upgrade is taken up
        self._skipped = False  # the parser stops before the body, for an upgrade that is not taken up

    @property
    def address(self) -> str | None:
        """The client's, if it has one."""
        return self.client[0] if self.client else None

    def connection_made(self, transport: Any) -> None:
        """A client has connected."""
        self.transport = transport
        self.flow = Flow(transport)
        self.client = address(transport, "peername")
        self.served.connections.add(self)
        self.clock.wait_for("head", self._patience("head"))
        if not self.watch.opened(self):
            self._refuse(Fault(503, "there are too many connections"))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self.watch.closed(self)
        self.served.connections.discard(self)
        for request in self._open:
            request.lose()
        self.flow.resume_writing()
        self._parser = self._coming = None  # both hold the connection, too

    def pause_writing(self) -> None:
        """The client reads more slowly than is written."""
        self.flow.pause_writing()

    def resume_writing(self) -> None:
        """The client has read most of it."""
        self.flow.resume_writing()

    def shutdown(self) -> None:
        """The server stops: what has begun ends whole."""
        if self._open:
            self._open[-1].keep_alive = False
        else:
            self.transport.close()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do a request's work as a task that the server waits for when it stops."""
        task = self.loop.create_task(work)
        self.served.tasks.add(task)
        task.add_done_callback(self.served.tasks.discard)

    def step(self, event: Event) -> None:
        """Let an event happen: what is read, and what is waited for."""
        self.reading = reading = FOLLOWS[self.reading, event]
        what = TIMERS[reading]
        if what != self.clock.what:
            self.clock.wait_for(what, self._patience(what))

    def _patience(self, what: str | None) -> float:
        if what is None:
            return NEVER
        if what == "request":
            return KEEP_ALIVE
        limits = self.watch.limits
        return limits.head_timeout if what == "head" else limits.body_timeout

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self.transport.is_closing() or self.reading is _REFUSED:
            return
        self._size.came(len(data), of_head=self.reading is not _BODY)
        self.step(_BYTES)
        while data:
            try:
                self._parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                if self._taken is not None and self._ways.upgrades is not None:
                    self.step(Event.UPGRADE)
                    self._ways.upgrades.open(self, self._taken, data)
                    return
                self._parser = parser_for_the_rest(self, self._headers)
            except httptools.HttpParserError as error:
                self._refuse(self._fault or unparsed(error, data))
                return
        if self.reading is _HEAD and self._size.over(self.watch.limits.head_bytes):
            self._refuse(Fault(431, "the header is too large"))

    def on_message_begin(self) -> None:
        """A request begins; line breaks before it do not count."""
        self._target = b""
        self._headers = []
        self._size.begins()
        self.step(_BEGIN)

    def on_url(self, url: bytes) -> None:
        """A part of its target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or trailer."""
        if self.reading is _HEAD and b"_" not in name:
            self._headers.append((name.lower(), value.rstrip(b" \t")))  # RFC 9110 section 5.5

    def on_headers_complete(self) -> None:
        """The head is there: refuse it, or begin."""
        limits, target, parser = self.watch.limits, self._target, self._parser
        if len(self._headers) > limits.headers:
            self._spoil(Fault(431, "there are too many headers"))
        if self._size.may_be_over(limits.head_bytes) and size(self._headers) + len(target) > limits.head_bytes:
            self._spoil(Fault(431, "the header is too large"))
        method, version = parser.get_method().decode("ascii"), parser.get_http_version()
        head = Head(self._headers)
        fault = request_fault(method, target, version, head, limits.hosts)
        if fault is not None:
            self._spoil(fault)
        self._size.ends()
        self._body = 0
        self.step(_HEAD_ENDS)
        scope = asked(target, method, version, head, self.client)
        upgrade, waits = parser.should_upgrade(), bool(self._open)
        if upgrade and not waits and self._ways.takes_up(scope):
            self._coming, self._taken = None, scope
            return
        self._skipped = upgrade and bool(framing(head))
        keep_alive = version != "1.0" and parser.should_keep_alive()
        request = self._ways.request(self, scope, keep_alive=keep_alive, plain=not (upgrade or waits))
        self._coming = request
        self._open.append(request)
        if waits:
            self.flow.pause_reading()
        else:
            request.begin()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body += len(body)
        self.clock.came(self._body, self.watch.limits.body_timeout)
        if self._coming is not None and not self._coming.feed(body):
            self._spoil(Fault(503, NO_ROOM))

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._skipped:  # not yet: the parser for the rest says so, too
            self._skipped = False
            return
        self._size.ends()
        self.step(_BODY_ENDS)
        if self._coming is not None:
            self._coming.whole()

    def answered(self) -> None:
        """The answer is whole, the request perhaps not: its rest is read for a while, then it is over."""
        self._open.popleft()
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self._open:
            self._open[0].begin()
        else:
            self.step(_ANSWERED)
            if self.reading is _REFUSED:
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
            if self.reading in NO_REQUEST:
                self.transport.close()
            else:
                self._refuse(Fault(408, "the request did not arrive in time"))

    def displaced(self) -> None:
        """Others need the room of the body that is coming."""
        if self._coming is not None:
            self._coming.lose()
        if self.reading is _BODY and not self.transport.is_closing():
            self._refuse(Fault(503, NO_ROOM))

    def _spoil(self, fault: Fault) -> None:
        """Refuse out of a callback of the parser, which ends at once."""
        self._fault = fault
        raise ValueError(fault.title)

    def _refuse(self, fault: Fault) -> None:
        coming = self._coming if self.reading is _BODY else None
        self._fault = fault
        self.step(Event.REFUSE)
        if coming is not None and coming.complete:
            self.transport.close()  # answered already, before its body was whole
        elif coming is not None and coming is self._open[0]:
            coming.lose()  # its own body is at fault
            if coming.started:
                self.transport.close()
        elif self._open:
            # An earlier request's answer is under way: it ends whole, and the connection with it.
            if coming is not None:
                self._open.pop()
            return
        if not self.transport.is_closing():
            self.transport.write(problem(fault))
            self.transport.close()


def guarded(ways: Ways) -> Callable[..., GuardedProtocol]:
    """Give uvicorn's `http` setting what it makes connections with; of what it passes in we need these two."""

    def make(*, server_state: Served, app_state: Mapping[str, Any], **_: object) -> GuardedProtocol:
        return GuardedProtocol(ways, server_state, app_state)

    return make
