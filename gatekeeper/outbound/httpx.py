"""httpx and httpx2, sync and async: every single request of every client, redirects' second hops and custom transports.

httpx.Client(transport=gatekeeper.outbound.httpx.transport())              for one client only
httpx.AsyncClient(transport=gatekeeper.outbound.httpx.async_transport())
"""

from __future__ import annotations

import importlib
import importlib.util
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any, Final

import httpx

from gatekeeper.model import Answer, Outgoing
from gatekeeper.outbound.first import AsyncTrace, Trace
from gatekeeper.outbound.http_client import phrase
from gatekeeper.outbound.intercept import Match, watch
from gatekeeper.outbound.marks import covering, passing
from gatekeeper.outbound.patched import Patched
from gatekeeper.outbound.reading import drained, readable

_patched = Patched()
LIBRARIES: Final = ("httpx", "httpx2")
_Send = Callable[[httpx.Request], httpx.Response]
_AsyncSend = Callable[[httpx.Request], Awaitable[httpx.Response]]


def install() -> None:
    """Catch the requests of all clients."""
    for name in LIBRARIES:
        if importlib.util.find_spec(name) is not None:
            library = importlib.import_module(name)
            _patched.replace(library.Client, "_send_single_request", _sync)
            _patched.replace(library.AsyncClient, "_send_single_request", _async)


def uninstall() -> None:
    """Leave the clients as they were."""
    _patched.restore()


def transport(inner: httpx.BaseTransport | None = None) -> httpx.BaseTransport:
    """A transport for one client; `inner` is the one that sends."""
    return _Transport(inner or httpx.HTTPTransport())


def async_transport(inner: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncBaseTransport:
    """The same for an AsyncClient."""
    return _AsyncTransport(inner or httpx.AsyncHTTPTransport())


class _Transport(httpx.BaseTransport):
    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        match = _watch(request)
        return self._inner.handle_request(request) if match is None else _caught(match, request, self._send)

    def _send(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        response.request = request
        return response

    def close(self) -> None:
        self._inner.close()


class _AsyncTransport(httpx.AsyncBaseTransport):
    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        match = _watch(request)
        if match is None:
            return await self._inner.handle_async_request(request)
        return await _caught_async(match, request, self._send)

    async def _send(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        response.request = request
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


def _sync(original: Any) -> Any:
    def _send_single_request(self: httpx.Client, request: httpx.Request) -> httpx.Response:
        match = _watch(request)
        if match is None:
            with passing(request.url.host):
                return original(self, request)  # type: ignore[no-any-return]  # kept untyped
        return _caught(match, request, lambda one: original(self, one))

    return _send_single_request


def _async(original: Any) -> Any:
    async def _send_single_request(self: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        match = _watch(request)
        if match is None:
            with passing(request.url.host):
                return await original(self, request)  # type: ignore[no-any-return]  # kept untyped
        return await _caught_async(match, request, lambda one: original(self, one))

    return _send_single_request


def _watch(request: httpx.Request) -> Match | None:
    url = request.url
    path, query = _target(request)
    if covering(request.method, url.host, path, query, _plain(request)) is not None:
        return None
    return watch(url.scheme, url.host, url.port, path, below=True)


def _caught(match: Match, request: httpx.Request, send: _Send) -> httpx.Response:
    started = time.monotonic()
    body = drained(request.stream, match.limit) if hasattr(request.stream, "__iter__") else b""
    call = match.judge(request.method, *_target(request), request.headers.multi_items(), body)

    def sent(outgoing: Outgoing) -> Answer:
        response = send(_rewritten(request, outgoing, Trace()))
        try:
            response.read()
        finally:
            response.close()
        return _answer(response)

    return _response(request, call.carry(sent, _timeout(request)), started)


async def _caught_async(match: Match, request: httpx.Request, send: _AsyncSend) -> httpx.Response:
    started = time.monotonic()
    parts: list[bytes] = []
    size = 0
    if hasattr(request.stream, "__aiter__"):
        async for part in request.stream:
            parts.append(part)
            size += len(part)
            if size > match.limit:
                break
    call = match.judge(request.method, *_target(request), request.headers.multi_items(), b"".join(parts))

    async def _sent(outgoing: Outgoing) -> Answer:
        response = await send(_rewritten(request, outgoing, AsyncTrace()))
        try:
            await response.aread()
        finally:
            await response.aclose()
        return _answer(response)

    return _response(request, await call.carry_async(_sent, _timeout(request)), started)


def _target(request: httpx.Request) -> tuple[str, str]:
    path, _, query = request.url.raw_path.decode("ascii").partition("?")
    return path, query


def _plain(request: httpx.Request) -> bytes | None:
    """A body that is in memory, as that of every request that was judged."""
    library = importlib.import_module(request.__class__.__module__.partition(".")[0])
    return b"".join(request.stream) if isinstance(request.stream, library.ByteStream) else None


def _timeout(request: httpx.Request) -> float | None:
    """The seconds that the app gave the call, part by part: the longest of them."""
    given = [one for one in request.extensions.get("timeout", {}).values() if one]
    return max(given, default=None)


def _rewritten(request: httpx.Request, outgoing: Outgoing, trace: object) -> httpx.Request:
    """`trace` asks before the first byte; no trace of the app's own hears of a request that was judged."""
    more = {"timeout": request.extensions["timeout"]} if "timeout" in request.extensions else {}
    more["trace"] = trace
    return request.__class__(
        outgoing.method, outgoing.url, headers=list(outgoing.headers), content=outgoing.body or None, extensions=more
    )


def _answer(response: httpx.Response) -> Answer:
    return readable(response.status_code, response.headers.multi_items(), response.content)


def _response(request: httpx.Request, answer: Answer, started: float) -> httpx.Response:
    """Not read yet, as the client itself gives it: its `elapsed` and its raw bytes are there."""
    library = importlib.import_module(request.__class__.__module__.partition(".")[0])

    class _Once(library.SyncByteStream, library.AsyncByteStream):  # type: ignore[misc,name-defined]  # of httpx or httpx2
        """The body, once, in either way."""

        def __iter__(self) -> Iterator[bytes]:
            yield answer.body

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield answer.body

    size = () if answer.status in (204, 304) else (("Content-Length", str(len(answer.body))),)
    response: httpx.Response = library.Response(
        answer.status,
        headers=[*answer.headers, *size],
        stream=_Once(),
        request=request,
        extensions={"http_version": b"HTTP/1.1", "reason_phrase": phrase(answer.status).encode()},
    )
    response.elapsed = timedelta(seconds=time.monotonic() - started)
    return response
