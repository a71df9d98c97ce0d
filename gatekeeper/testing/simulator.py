"""One vendor on one loopback port: reads requests, keeps them, answers as the vendor or as told.

`Simulator` is used from two sides. Its connections run on the loop of `Simulators`' thread; everything public
may be called from any thread or loop. `_arrived` guards what both touch.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine, Mapping
from http.client import responses

from gatekeeper.model import Answer
from gatekeeper.testing.plan import Silence, Turns
from gatekeeper.testing.received import Problem, Received
from gatekeeper.testing.vendor import Vendor
from gatekeeper.testing.wire import MAX_HEAD, Message, Wire, is_header

HOST = "127.0.0.1"

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Simulator:
    """A test double of one vendor. Made and started by `Simulators`."""

    def __init__(self, vendor: Vendor, clock: Callable[[], float], port: int) -> None:
        self.kind = vendor.KIND
        self._vendor = vendor
        self._clock = clock
        self._port = port
        self._url = ""
        self._received: list[Received] = []
        self._delays: Turns[float] = Turns()
        self._replies: Turns[Answer | Silence] = Turns()
        self._arrived = threading.Condition()
        self._listeners: set[Callable[[], None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Simulator {self.kind} {self._url or 'not started'}: {len(self._received)} received>"

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, without a slash at the end: what goes in a destination's `endpoint`.

        Raises RuntimeError before the simulators were started.
        """
        if not self._url:
            raise RuntimeError(f"{self.kind}: the simulators are not started; use `with Simulators() as sims:`")
        return self._url

    def dsn(self, project: int = 42, key: str = "public") -> str:
        """The address in the form Sentry's clients take: `http://public@127.0.0.1:PORT/42`."""
        scheme, _, host = self.url.partition("://")
        return f"{scheme}://{key}@{host}/{project}"

    @property
    def received(self) -> tuple[Received, ...]:
        """Everything that arrived so far, in order of arrival."""
        with self._arrived:
            return tuple(self._received)

    def wait(self, count: int = 1, timeout: float = 30.0) -> tuple[Received, ...]:
        """Block until at least `count` requests arrived and return all of them.

        Raises TimeoutError after `timeout` seconds. Inside a coroutine use `async_wait`.
        """
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._received) >= count, timeout):
                raise self._too_few(count, timeout)
            return tuple(self._received)

    async def async_wait(self, count: int = 1, timeout: float = 30.0) -> tuple[Received, ...]:
        """`wait` for coroutines: the caller's loop keeps running."""
        loop, news = asyncio.get_running_loop(), asyncio.Event()

        def announce() -> None:
            """Wake the caller's loop."""
            with contextlib.suppress(RuntimeError):  # the caller's loop was closed while it waited
                loop.call_soon_threadsafe(news.set)

        with self._arrived:
            self._listeners.add(announce)
        try:
            async with asyncio.timeout(timeout):
                while len(received := self.received) < count:
                    await news.wait()
                    news.clear()
        except TimeoutError:
            raise self._too_few(count, timeout) from None
        finally:
            with self._arrived:
                self._listeners.discard(announce)
        return received

    def clear(self) -> None:
        """Forget what was received and what was planned."""
        with self._arrived:
            self._received.clear()
            self._delays.clear()
            self._replies.clear()

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, times: int = 1) -> None:
        """Give the next `times` requests this answer instead of the vendor's own.

        Content-Length is added. Raises ValueError for what cannot be an HTTP response.
        """
        if not 200 <= status <= 599:
            raise ValueError(f"status: {status} is not a final HTTP status")
        for name, value in (headers or {}).items():
            if not is_header(name, value) or name.lower() in {"content-length", "transfer-encoding"}:
                raise ValueError(f"headers: {name!r} cannot be set")
        self._plan(Answer(status, tuple((headers or {}).items()), body), times)

    def hang(self, times: int = 1) -> None:
        """Never answer the next `times` requests; their connections stay open until the client gives up."""
        self._plan(Silence.HANG, times)

    def reset(self, times: int = 1) -> None:
        """Close the connection of the next `times` requests without an answer."""
        self._plan(Silence.RESET, times)

    def delay(self, seconds: float, times: int = 1) -> None:
        """Answer the next `times` requests that much later; counted apart from the other plans."""
        if seconds < 0:
            raise ValueError(f"seconds: {seconds} is negative")
        with self._arrived:
            self._delays.add(seconds, times)

    def _plan(self, reply: Answer | Silence, times: int) -> None:
        with self._arrived:
            self._replies.add(reply, times)

    def _too_few(self, count: int, timeout: float) -> TimeoutError:
        arrived = len(self._received)
        return TimeoutError(f"{self.kind}: {arrived} of {count} requests arrived within {timeout:g} s")

    # The rest runs on the simulators' own loop. It uses sockets and not asyncio's streams, because a stream
    # throws away what it has read when the client resets the connection.

    async def _start(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        listener = socket.create_server((HOST, self._port), backlog=1024)
        listener.setblocking(False)
        self._url = f"http://{HOST}:{listener.getsockname()[1]}"
        self._keep(self._accept(listener), listener)

    async def _stop(self) -> None:
        """Stop listening and end every connection, busy or idle."""
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _keep(self, work: Coroutine[None, None, None], connection: socket.socket) -> None:
        """Run it as a task that can be ended, and close the socket with it, even if it never ran."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: connection.close())

    async def _accept(self, listener: socket.socket) -> None:
        """Serve every client that comes."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError:  # the client is gone already, or this process has too many files open: go on
                await asyncio.sleep(0.01)
                continue
            self._keep(self._converse(connection), connection)

    async def _converse(self, connection: socket.socket) -> None:
        """Serve one connection until one side has enough."""
        loop = asyncio.get_running_loop()

        async def receive() -> bytes:
            """What came next; nothing from a client that closed, or that reset, the connection."""
            try:
                return await loop.sock_recv(connection, MAX_HEAD)
            except OSError:
                return b""

        async def send(data: bytes) -> None:
            """Send it, unless the client has gone: what the client had sent is still to be read."""
            with contextlib.suppress(OSError):
                await loop.sock_sendall(connection, data)

        wire = Wire(receive, lambda: send(_CONTINUE))
        while message := await wire.message():
            seconds, reply = self.take(message)
            await asyncio.sleep(seconds)
            if reply is Silence.HANG:
                await wire.gone()
            if not isinstance(reply, Answer):
                return
            await send(_render(reply, head_only=message.method == "HEAD", last=message.last))
            if message.last:
                # Closing with input unread would reset the connection, and the answer could be lost.
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)
                await wire.gone()
                return

    def take(self, message: Message) -> tuple[float, Answer | Silence]:
        """Keep a request; say when and how it is answered."""
        received = Received.read(
            message.method, message.target, message.headers, message.body, message.raw, self._clock()
        )
        if message.fault is None:
            problems = self._vendor.check(received)
            received = received.judged(self._vendor.events(received), problems)
            own: Answer | Silence = self._vendor.answer(received, problems)
        else:
            received = received.judged((), (Problem("", message.fault, "RFC 9112"),))
            own = Answer(message.status) if message.status else Silence.RESET
        with self._arrived:
            self._received.append(received)
            self._arrived.notify_all()
            for announce in self._listeners:
                announce()
            if own is Silence.RESET:  # the client has gone: the planned answer is for the next request
                return 0.0, own
            return self._delays.take() or 0.0, self._replies.take() or own


def _render(answer: Answer, *, head_only: bool, last: bool) -> bytes:
    """An HTTP/1.1 response; 204 and 304 have no body, whatever was planned (RFC 9110, section 6.4.1)."""
    lines = [
        f"HTTP/1.1 {answer.status} {responses.get(answer.status, '')}",
        *(f"{name}: {value}" for name, value in answer.headers),
    ]
    bodiless = answer.status in {204, 304}
    if not bodiless:
        lines.append(f"Content-Length: {len(answer.body)}")
    if last:
        lines.append("Connection: close")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head if bodiless or head_only else head + answer.body
