"""The mock vendor: a process of its own that answers as each vendor does, counts events and keeps samples of bodies.

    GET /_bench/seen      {"events": {path prefix: count}, "requests": n, "samples": [{method, target, headers, body}]}
    GET /_bench/clear     forget everything
    GET /_bench/hold      answer nobody until /_bench/release

It costs what a parser, an orjson.loads and a write cost, so that it is never what is measured.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

import httptools
import orjson

from .machine import event_loop, pin

SAMPLES = 40
_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
_REASONS = {200: b"OK", 404: b"Not Found"}


def _answer(body: bytes, status: int = 200) -> bytes:
    return (
        b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        % (status, _REASONS[status], len(body))
    ) + body  # fmt: skip


_TIKTOK = _answer(b'{"code":0,"message":"OK","request_id":"bench"}')


def vendor_of(target: str) -> str:
    """Which vendor a request target belongs to."""
    path = target.partition("?")[0]
    if path.endswith("/collect"):
        return "ga4"
    if path.endswith("/events") and path.startswith("/v"):
        return "meta_capi"
    if path.startswith("/open_api/"):
        return "tiktok"
    return "own"


def count_of(vendor: str, body: bytes) -> int:
    """How many events a body holds."""
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        return 1
    key = {"meta_capi": "data", "tiktok": "data"}.get(vendor, "events")
    inner = read.get(key) if isinstance(read, dict) else read
    return len(inner) if isinstance(inner, list) else 1


class Seen:
    """What arrived."""

    def __init__(self) -> None:
        self.held: list[tuple[asyncio.Transport, bytes]] | None = None
        self.clear()

    def clear(self) -> None:
        """Forget it."""
        self.events: Counter[str] = Counter()
        self.requests = 0
        self.samples: list[dict[str, object]] = []

    def take(self, method: bytes, target: str, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
        """Count a request and say what it is answered."""
        vendor = vendor_of(target)
        count = count_of(vendor, body)
        self.events[vendor] += count
        self.requests += 1
        if len(self.samples) < SAMPLES:
            self.samples.append(
                {
                    "vendor": vendor,
                    "method": method.decode(),
                    "target": target,
                    "headers": {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers},
                    "body": body.decode("utf-8", "replace"),
                }
            )
        match vendor:
            case "meta_capi":
                return _answer(b'{"events_received":%d,"messages":[],"fbtrace_id":"bench"}' % count)
            case "tiktok":
                return _TIKTOK
            case _:
                return _NO_CONTENT

    def control(self, target: str) -> bytes:
        """Answer the harness."""
        match target.rpartition("/")[2]:
            case "clear":
                self.clear()
            case "hold":
                self.held = self.held or []
            case "release":
                held, self.held = self.held or [], None
                for transport, answer in held:
                    if not transport.is_closing():
                        transport.write(answer)
            case "seen":
                told = {"events": self.events, "requests": self.requests, "samples": self.samples}
                return _answer(orjson.dumps(told))
            case _:
                return _answer(b"{}", 404)
        return _answer(b"{}")


class _Conversation(asyncio.Protocol):
    """One client."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # TCP: a whole one

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            assert self._transport is not None
            self._transport.close()

    def on_message_begin(self) -> None:
        self._target, self._headers, self._body = b"", [], b""

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        transport, seen = self._transport, self._seen
        assert transport is not None
        target = self._target.decode("latin-1")
        if target.startswith("/_bench/"):
            transport.write(seen.control(target))
            return
        answer = seen.take(self._parser.get_method(), target, self._headers, self._body)
        if seen.held is not None:
            seen.held.append((transport, answer))
        elif not transport.is_closing():
            transport.write(answer)


async def serve(port: int) -> None:
    """Listen until killed."""
    seen = Seen()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Conversation(seen), "127.0.0.1", port, backlog=1024
    )
    async with server:
        await server.serve_forever()


def main() -> None:
    """`python -m benchmarks.vendor PORT [CORE]`"""
    pin(0, int(sys.argv[2]) if len(sys.argv) > 2 else None)
    with event_loop() as runner:
        runner.run(serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
