"""The load generator: a process of its own. A JSON specification in on stdin, JSON figures out on stdout.

A closed loop keeps every connection busy and finds capacity. An open loop (`rate`) sends on schedule and finds
latency. Raw sockets behind uvloop's protocols and httptools' parser: some eight microseconds a request.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import cycle

import httptools

from .histogram import Histogram
from .machine import event_loop, pin
from .pacing import Pacer

_GRACE = 5.0  # seconds an open loop waits for the last answers


@dataclass(frozen=True, slots=True)
class Load:
    """What to send, and how. `requests` are whole requests as bytes, sent in turn; `rate` per second opens the loop."""

    port: int
    requests: tuple[bytes, ...]
    connections: int
    seconds: float
    rate: float | None = None
    core: int | None = None
    most: int | None = None  # a closed loop stops after this many
    ports: tuple[int, ...] = ()  # others, among which the connections are divided

    def dump(self) -> str:
        """As JSON."""
        told = asdict(self)
        told["requests"] = [base64.b64encode(request).decode() for request in self.requests]
        return json.dumps(told)

    @classmethod
    def load(cls, text: str) -> Load:
        """From JSON."""
        told = json.loads(text)
        told["requests"] = tuple(base64.b64decode(request) for request in told["requests"])
        told["ports"] = tuple(told["ports"])
        return cls(**told)


@dataclass(slots=True)
class Sent:
    """What came of it."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    errors: int = 0
    unsent: int = 0
    cpu_seconds: float = 0.0
    histogram: Histogram = field(default_factory=Histogram)

    def dump(self) -> str:
        """As JSON."""
        return json.dumps(
            {
                "seconds": self.seconds,
                "statuses": dict(self.statuses),
                "errors": self.errors,
                "unsent": self.unsent,
                "cpu_seconds": self.cpu_seconds,
                "histogram": self.histogram.pairs(),
            }
        )

    @classmethod
    def load(cls, text: str) -> Sent:
        """From JSON."""
        told = json.loads(text)
        statuses = Counter({int(status): count for status, count in told["statuses"].items()})
        return cls(
            told["seconds"], statuses, told["errors"], told["unsent"], told["cpu_seconds"],
            Histogram(tuple(pair) for pair in told["histogram"]),
        )  # fmt: skip

    @property
    def answered(self) -> int:
        """Answers with a status below 400."""
        return sum(count for status, count in self.statuses.items() if status < 400)


class _Connection(asyncio.Protocol):
    """One connection with one request under way at most."""

    def __init__(self, free: Callable[[_Connection], None], answered: Callable[[float, int], None]) -> None:
        self._free = free
        self._answered = answered
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._due = 0.0
        self.busy = False
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # TCP: a whole one

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self.busy:
            self.busy = False
            self._answered(self._due, 0)

    def send(self, request: bytes, due: float) -> None:
        """Send a request that was due at a time."""
        self.busy, self._due = True, due
        assert self._transport is not None
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            if self._transport is not None:
                self._transport.close()

    def on_message_complete(self) -> None:
        if not self.busy:  # an interim or an unasked-for answer
            return
        status = self._parser.get_status_code()
        if status < 200:
            return
        self.busy = False
        keep = self._parser.should_keep_alive()
        self._answered(self._due, status)
        if keep:
            self._parser = httptools.HttpResponseParser(self)
            self._free(self)
        elif self._transport is not None:
            self._transport.close()

    def close(self) -> None:
        """Hang up."""
        self.busy = False
        if self._transport is not None:
            self._transport.close()


class _Run:
    """One window of load."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.sent = Sent()
        self._loop = asyncio.get_running_loop()
        self._idle: list[_Connection] = []
        self._all: list[_Connection] = []
        self._turn = 0
        self._ports = cycle((load.port, *load.ports))
        self._started = 0
        self._closing = False
        self._over = asyncio.Event()
        self._pacer: Pacer | None = None
        self._ending = 0.0
        self._reconnecting: set[asyncio.Task[None]] = set()

    async def run(self) -> Sent:
        """Send everything; connections are made before the clock starts."""
        await asyncio.gather(*(self._connect() for _ in range(self.load.connections)))
        start, cpu = time.perf_counter(), time.process_time()
        self._ending = start + self.load.seconds
        if self.load.rate is None:
            for connection in self._take_idle():
                self._again(connection)
            self._loop.call_later(self.load.seconds, self._close)
            await self._over.wait()
            self.sent.seconds = time.perf_counter() - start
        else:
            await self._paced(self.load.rate, start)
            self.sent.seconds = time.perf_counter() - start
        self.sent.cpu_seconds = time.process_time() - cpu
        self._closing = True
        for connection in self._all:
            connection.close()
        return self.sent

    async def _connect(self) -> None:
        made = partial(_Connection, self._again, self._answered)
        try:
            _, connection = await self._loop.create_connection(made, "127.0.0.1", next(self._ports))
        except OSError:
            self.sent.errors += 1
            return
        self._all.append(connection)
        if self._ending:
            self._again(connection)
        else:
            self._idle.append(connection)

    def _take_idle(self) -> list[_Connection]:
        idle, self._idle = self._idle, []
        return idle

    def _request(self) -> bytes:
        self._turn = (self._turn + 1) % len(self.load.requests)
        return self.load.requests[self._turn]

    def _again(self, connection: _Connection) -> None:
        """A connection is free: give it the next request."""
        if self._closing or connection.lost:
            self._settle()
            return
        if self._pacer is not None:
            due = self._pacer.take()
            if due is None:
                self._idle.append(connection)
            else:
                connection.send(self._request(), due)
            return
        if self.load.most is not None and self._started >= self.load.most:
            self._close()
            return
        self._started += 1
        connection.send(self._request(), time.perf_counter())

    def _answered(self, due: float, status: int) -> None:
        if status:
            self.sent.statuses[status] += 1
        else:
            self.sent.errors += 1
        if self._pacer is not None:
            if status:
                self._pacer.done(due, time.perf_counter())
        else:
            self.sent.histogram.record(round((time.perf_counter() - due) * 1e6))
        if not status or not self._all:
            self._replace()

    def _replace(self) -> None:
        if not self._closing and time.perf_counter() < self._ending:
            task = self._loop.create_task(self._connect())
            self._reconnecting.add(task)
            task.add_done_callback(self._reconnecting.discard)
        self._settle()

    def _close(self) -> None:
        self._closing = True
        self._settle()
        self._loop.call_later(_GRACE, self._over.set)

    def _settle(self) -> None:
        """A closed loop is over when the last answer has come."""
        if self._closing and not any(connection.busy for connection in self._all):
            self._over.set()

    async def _paced(self, rate: float, start: float) -> None:
        pacer = self._pacer = Pacer(rate, self.load.seconds, start)
        stop = threading.Event()

        def tick() -> None:
            pacer.advance(time.perf_counter())
            while self._idle and (due := pacer.take()) is not None:
                self._idle.pop().send(self._request(), due)

        def wake() -> None:  # event loops round their timers to milliseconds; a thread's sleep does not
            while not stop.is_set() and (due := pacer.next_due()) is not None:
                time.sleep(max(0.00005, due - time.perf_counter()))
                self._loop.call_soon_threadsafe(tick)

        thread = threading.Thread(target=wake, daemon=True)
        thread.start()
        deadline = self._ending + _GRACE
        while time.perf_counter() < deadline:
            await asyncio.sleep(0.01)
            if not self._all or (pacer.unsent == 0 and not any(connection.busy for connection in self._all)):
                break
        stop.set()
        thread.join()
        self.sent.unsent = pacer.unsent + sum(connection.busy for connection in self._all)
        self.sent.histogram = pacer.histogram


async def send(load: Load) -> Sent:
    """Send a load from this process."""
    return await _Run(load).run()


def main() -> None:
    """Read a specification, send it, print what came of it."""
    load = Load.load(sys.stdin.read())
    pin(0, load.core)
    with event_loop() as runner:
        sys.stdout.write(runner.run(send(load)).dump())


if __name__ == "__main__":
    main()
