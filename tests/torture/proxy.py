"""A bad line to a vendor: a proxy on loopback that spoils the first requests in one way, and lets the rest through."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Awaitable, Callable

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
HUGE = 64 * 2**20

Fault = Callable[["Exchange"], Awaitable[None]]


class Exchange:
    """One request that is to be spoiled."""

    def __init__(self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.proxy, self.reader, self.writer = proxy, reader, writer

    async def request(self) -> bytes:
        """All of it, as it came."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        return head + await self.reader.readexactly(length)

    async def vendor(self, request: bytes) -> bytes:
        """What the vendor answers to it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.proxy.vendor)
        writer.write(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        with contextlib.closing(writer):
            return await reader.read()

    async def say(self, data: bytes) -> None:
        """To the gate."""
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """End the connection as if the peer had crashed."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def answering(status: str, *headers: str, body: bytes = b"") -> Fault:
    """An answer that the vendor did not give; the request never reached it."""

    async def fault(to: Exchange) -> None:
        await to.request()
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        await to.say("\r\n".join(lines).encode() + body)

    return fault


def saying(data: bytes) -> Fault:
    """The vendor has it; what comes back is something else, and then nothing more."""

    async def fault(to: Exchange) -> None:
        await to.vendor(await to.request())
        await to.say(data)

    return fault


async def hang(to: Exchange) -> None:
    """The vendor has it, and never answers."""
    await to.vendor(await to.request())
    await to.reader.read()


async def reset_before(to: Exchange) -> None:
    """Reset after ten bytes of the request."""
    await to.reader.readexactly(10)
    to.reset()


async def reset_within(to: Exchange) -> None:
    """Reset after twelve bytes of the answer."""
    answer = await to.vendor(await to.request())
    await to.say(answer[:12])
    to.reset()


async def half_close(to: Exchange) -> None:
    """The vendor's side is closed without an answer; ours stays open."""
    await to.vendor(await to.request())
    to.writer.write_eof()
    await to.reader.read()


async def slow(to: Exchange) -> None:
    """The answer comes byte by byte, in time."""
    for byte in await to.vendor(await to.request()):
        await to.say(bytes([byte]))
        await asyncio.sleep(0.005)


async def huge(to: Exchange) -> None:
    """An answer of 64 MiB."""
    await to.vendor(await to.request())
    await to.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % HUGE)
    with contextlib.suppress(ConnectionError):
        for _ in range(HUGE // 2**16):
            await to.say(bytes(2**16))


async def refuse(to: Exchange) -> None:
    """Nobody listens: see `Proxy`, which does not, until it is told to."""


# name -> (fault, whether the vendor had the request all the same)
FAULTS: dict[str, tuple[Fault, bool]] = {
    "refuse": (refuse, False),
    "hang": (hang, True),
    "reset_before": (reset_before, False),
    "reset_within": (reset_within, True),
    "half_close": (half_close, True),
    "status_429": (answering("429 Too Many Requests"), False),
    "retry_after": (answering("429 Too Many Requests", "Retry-After: 1"), False),
    "status_500": (answering("500 Internal Server Error"), False),
    "status_503": (answering("503 Service Unavailable"), False),
    "slow": (slow, True),
    "garbage": (saying(b"\x16\x03\x01\x02\x00 220 smtp.example ESMTP\r\n\r\n"), True),
    "truncated": (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"ok\":"), True),
    "bad_length": (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 7\r\n\r\n{}"), True),
    "bad_chunks": (saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"), True),
    "redirect": (answering("302 Found", "Location: http://127.0.0.1:9/elsewhere"), False),
    "huge": (huge, True),
}  # fmt: skip


class Proxy:
    """Spoils the first `times` requests."""

    def __init__(self, fault: Fault, vendor: int, times: int = 1) -> None:
        self.fault, self.vendor, self.left = fault, vendor, times
        with socket.socket() as one:  # a port on which nobody listens yet
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]

    async def listen(self) -> asyncio.Server:
        """Begin."""
        return await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        exchange = Exchange(self, reader, writer)
        try:
            while self.left <= 0:
                await exchange.say(_kept_open(await exchange.vendor(await exchange.request())))
            self.left -= 1
            await self.fault(exchange)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the gate has had enough, or the test has
        finally:
            writer.close()


def _kept_open(answer: bytes) -> bytes:
    return answer.replace(b"\r\nConnection: close", b"", 1)


class Proxies:
    """Several, on a loop and a thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Proxies:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        async def end() -> None:
            for server in self._servers:
                server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0.02)  # transports close in the loop's next turns

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def listen(self, proxy: Proxy) -> None:
        """Have one listen."""
        self._servers.append(asyncio.run_coroutine_threadsafe(proxy.listen(), self._loop).result(10))
