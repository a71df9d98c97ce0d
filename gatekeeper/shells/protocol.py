"""HTTP as the gate accepts it: uvicorn's httptools protocol with what it lacks.

    the head            checked by `hygiene`; bounded in bytes, in headers and in time
    the body            bounded in time: whoever sends slower than `SLOWEST` bytes a second is cut off
    the answer          whoever does not read it for `UNREAD` seconds is cut off
    a connection        closed after `timeout_keep_alive` seconds without a request
    trailers            dropped: they are no headers, and nobody has checked them
    names with `_`      dropped: to CGI and WSGI apps `Gatekeeper_Context` and `Gatekeeper-Context` are one
    connections         bounded, in all and per address
    access log          none, whoever attaches a handler to it: queries hold vendors' secrets

Times are kept by one look a second at all connections, not by a timer per request.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import httptools
import orjson
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from gatekeeper.jurisdiction.networks import Ranges, parse_address
from gatekeeper.shells.exchange import Answering, Exchange
from gatekeeper.shells.hygiene import Fault, request_fault

SLOWEST: Final = 4096  # bytes a second of a body, after its first `body_timeout` seconds
UNREAD: Final = 60.0  # seconds in which a client must read something of its answer
LINGER: Final = 5.0  # seconds for the rest of a body that was answered before its end
LOOK: Final = 0.5  # seconds between two looks at all connections
TARGET: Final = "gatekeeper.target"  # ASGI extension: the request's target, as it came
OWN_DATE: Final = "gatekeeper.own_date"  # ASGI extension: once it was called, the server adds no Date
NEVER: Final = float("inf")
_NOBODY: Final = Ranges()


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client, and all together, may take up."""

    connections: int = 4096
    per_address: int = 512
    headers: int = 100
    head_bytes: int = 16 * 2**10
    head_timeout: float = 10.0  # seconds
    body_timeout: float = 15.0
    body: int = 2**20  # bytes that are read before anybody is asked
    hosts: frozenset[str] = frozenset()
    proxies: Ranges = _NOBODY  # many clients behind one address: not bounded per address


class Watch:
    """The limits in force, and a look at every connection once in a while. One per server."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.by_address: Counter[str] = Counter()
        self._open: set[GuardedProtocol] = set()
        self._due: asyncio.TimerHandle | None = None

    def opened(self, protocol: GuardedProtocol) -> bool:
        """Count a connection; `False` if there are too many."""
        if len(self._open) >= self.limits.connections:
            return False
        address = protocol.address
        if address is not None and parse_address(address) not in self.limits.proxies:
            if self.by_address[address] >= self.limits.per_address:
                return False
            self.by_address[address] += 1
            protocol.counted = True
        self._open.add(protocol)
        if self._due is None:
            self._due = protocol.loop.call_later(LOOK, self._look, protocol.loop)
        return True

    def closed(self, protocol: GuardedProtocol) -> None:
        """A connection has ended."""
        self._open.discard(protocol)
        if protocol.counted and protocol.address is not None:
            protocol.counted = False
            self.by_address[protocol.address] -= 1
            if not self.by_address[protocol.address]:
                del self.by_address[protocol.address]

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for protocol in tuple(self._open):
            protocol.look(now)
        self._due = loop.call_later(LOOK, self._look, loop) if self._open else None


class GuardedProtocol(HttpToolsProtocol):
    """One connection. Made by `guarded`."""

    def __init__(self, *args: Any, watch: Watch, **more: Any) -> None:
        super().__init__(*args, **more)
        self.access_log = False  # whoever listens to uvicorn's loggers: queries hold secrets, and what visitors did
        self.watch = watch
        self.counted = False
        self.address: str | None = None
        self._fault: Fault | None = None
        self._exchange: Exchange | None = None  # whose body is on its way
        self._unanswered = 0  # requests whose head is there
        self._again = False  # the head of a request is given to another parser
        self._in_head = True  # between messages, too
        self._head = 0  # bytes of it
        self._piece = 0  # bytes that came last
        self._begun = 0  # bytes that came with the first one of the head
        self._resting = False  # kept alive, with nothing to do
        self._due = NEVER
        self._body_since = 0.0
        self._body = 0
        self._unread: tuple[int, float] | None = None  # bytes, since when

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else None
        self._due = self.loop.time() + self.watch.limits.head_timeout
        if not self.watch.opened(self):
            self._refuse(Fault(503, "there are too many connections"))

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self.watch.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of it."""
        if self.transport.is_closing() or self._fault is not None:
            return
        self._piece = len(data)
        if self._in_head:
            if self._resting or self._due == NEVER:
                self._resting = False
                self._due = self.loop.time() + self.watch.limits.head_timeout
            self._head += self._piece
        while data:
            try:
                self.parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                if self.upgraded(data):
                    return
                self._go_on()
            except httptools.HttpParserError:
                self._refuse(self._fault or Fault(400, "this is not HTTP/1.1"))
                return
        if self._in_head and self._head > self.watch.limits.head_bytes:
            self._refuse(Fault(431, "the header is too large"))

    def _go_on(self) -> None:
        """An upgrade that is not taken up is as if not asked for (RFC 9110 section 7.8).

        httptools skips the body of such a request and would read it as the next one: a new parser reads it.
        """
        self.parser = httptools.HttpRequestParser(self)
        framing = _framing(self.headers)
        if framing:
            self._again = True
            self.parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n")

    def upgraded(self, rest: bytes) -> bool:
        """The client asked for another protocol; `rest` is what it sent after. Whether it gets it."""
        return False

    def on_message_begin(self) -> None:
        """A request begins; line breaks before it do not count."""
        if self._again:
            return
        super().on_message_begin()
        self._head = self._head or 1
        self._begun = self._piece
        if self._due == NEVER:
            self._due = self.loop.time() + self.watch.limits.head_timeout

    def on_url(self, url: bytes) -> None:
        """A part of the request's target."""
        if not self._again:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or trailer."""
        if self._in_head and b"_" not in name and not self._again:
            self.headers.append((name.lower(), value.rstrip(b" \t")))  # RFC 9110 section 5.5

    def on_headers_complete(self) -> None:
        """The head is there: refuse it, or begin."""
        if self._again:
            self._again = False
            return
        limits = self.watch.limits
        if len(self.headers) > limits.headers:
            self._spoil(Fault(431, "there are too many headers"))
        # All of it came in these bytes: only where they are many, they are counted.
        if self._head + self._begun > limits.head_bytes and _size(self.headers) + len(self.url) > limits.head_bytes:
            self._spoil(Fault(431, "the header is too large"))
        method, version = self.parser.get_method().decode("ascii"), self.parser.get_http_version()
        fault = request_fault(method, self.url, version, self.headers, limits.hosts)
        if fault is not None:
            self._spoil(fault)
        self._in_head = False
        self._head = self._body = 0
        self._body_since = self.loop.time()
        self._due = self._body_since + limits.body_timeout
        upgrade = self.parser.should_upgrade()
        if upgrade and self._should_upgrade():
            return  # `upgraded` is next
        self._unanswered += 1
        exchange = self._exchange = self._begin(method, version, upgrade=upgrade)
        if exchange is not None:
            self.cycle = exchange  # type: ignore[assignment]  # it has what is asked of one
            return
        super().on_headers_complete()
        scope: Any = self.scope
        cycle = self.cycle
        scope["extensions"] = {TARGET: self.url, OWN_DATE: lambda: setattr(cycle, "default_headers", [])}

    def _begin(self, method: str, version: str, *, upgrade: bool) -> Exchange | None:
        """The way past ASGI, for a plain request that an endpoint of ours answers; `None` for any other."""
        answering = self.direct(self.url)
        there = dict(self.headers)
        if b"expect" in there:
            self.expect_100_continue = there[b"expect"].lower() == b"100-continue"
        if answering is None or upgrade or version != "1.1" or method == "HEAD" or self.expect_100_continue:
            return None
        if self.cycle is not None and not self.cycle.response_complete:
            return None  # pipelined behind another one
        length = there.get(b"content-length", b"0")
        if b"transfer-encoding" in there or len(length) > 9 or int(length) > self.watch.limits.body:
            return None
        raw, _, query = self.url.partition(b"?")
        path = raw.decode("ascii")
        scope: Any = self.scope
        scope["method"] = method
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"], scope["query_string"] = raw, query
        scope["extensions"] = {TARGET: self.url}
        return Exchange(self, scope, answering, keep_alive=self.parser.should_keep_alive())

    def direct(self, target: bytes) -> Answering | None:
        """Who answers a request for `target` without ASGI; `None`: nobody."""
        return None

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body += len(body)
        self._due = self._body_since + self.watch.limits.body_timeout + self._body / SLOWEST
        if self._exchange is not None:
            self._exchange.feed(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self.parser.should_upgrade() and not self._should_upgrade() and _framing(self.headers):
            return  # its body is still to come
        self._in_head = True
        self._head = 0
        self._due = NEVER
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
        elif self._in_head and not self._head:
            self._due, self._resting = self.loop.time() + self.timeout_keep_alive, True
        if self._fault is not None and not self._unanswered:
            self.transport.close()
        elif not self._in_head:
            self._due = min(self._due, self.loop.time() + LINGER)

    def look(self, now: float) -> None:
        """End what takes too long."""
        waiting = self.transport.get_write_buffer_size()
        if not waiting:
            self._unread = None
        elif self._unread is None or waiting < self._unread[0]:
            self._unread = (waiting, now)
        elif now - self._unread[1] > UNREAD:
            self.transport.abort()
            return
        if self.flow.read_paused and not self._in_head:
            self._body_since += LOOK  # it is we who do not read
            self._due += LOOK
        elif now > self._due and not self.transport.is_closing():
            self._due = NEVER
            if self._in_head and not self._head:
                self.transport.close()  # it never began
            else:
                self._refuse(Fault(408, "the request did not arrive in time"))

    def _spoil(self, fault: Fault) -> None:
        """Refuse out of a callback of the parser, which ends at once."""
        self._fault = fault
        raise ValueError(fault.title)

    def _refuse(self, fault: Fault) -> None:
        self._fault = fault
        self._due = NEVER
        cycle = self.cycle
        if cycle is not None and cycle.response_complete and not self._in_head:
            self.transport.close()  # answered already, before its body was whole
        elif cycle is not None and not cycle.response_complete:
            queued = bool(self.pipeline) and self.pipeline[0][0] is cycle
            if self._in_head or queued:
                # An earlier request's answer is under way: it ends whole, and the connection with it.
                if not self._in_head:
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


def problem(fault: Fault) -> bytes:
    """A whole answer, after which the connection ends."""
    body = orjson.dumps({"type": "about:blank", "status": fault.status, "title": fault.title})
    return last_answer(fault.status, [(b"content-type", b"application/problem+json")], body)


def last_answer(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    """An answer as bytes, after which the connection ends."""
    framing = [(b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    lines = b"".join(b"%s: %s\r\n" % header for header in (*headers, *framing))
    return STATUS_LINE[status] + lines + b"\r\n" + body


def _size(headers: list[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) + 4 for name, value in headers)


def _framing(headers: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(
        b"%s: %s\r\n" % header for header in headers if header[0] in (b"content-length", b"transfer-encoding")
    )


def guarded(watch: Watch, kind: Callable[..., GuardedProtocol] = GuardedProtocol) -> Callable[..., asyncio.Protocol]:
    """What uvicorn makes a connection of, as its `http` setting takes it."""

    def make(
        config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: Any = None
    ) -> GuardedProtocol:
        return kind(config, server_state, app_state, _loop, watch=watch)

    return make
