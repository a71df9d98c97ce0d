"""httpx, sync and async: every single request of every client, redirects' second hops and custom transports included.

httpx.Client(transport=gatekeeper.outbound.httpx.transport())              for one client only
httpx.AsyncClient(transport=gatekeeper.outbound.httpx.async_transport())
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx

from gatekeeper.model import Answer, Outgoing
from gatekeeper.outbound.intercept import Match, drained, readable, watch
from gatekeeper.outbound.marks import first_byte, passing
from gatekeeper.outbound.patched import Patched

_patched = Patched()
_Send = Callable[[httpx.Request], httpx.Response]
_AsyncSend = Callable[[httpx.Request], Awaitable[httpx.Response]]


def install() -> None:
    """Catch the requests of all clients."""
    _patched.replace(httpx.Client, "_send_single_request", _sync)
    _patched.replace(httpx.AsyncClient, "_send_single_request", _async)


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
    return watch(url.scheme, url.host, url.port, url.raw_path.partition(b"?")[0].decode("ascii"))


def _caught(match: Match, request: httpx.Request, send: _Send) -> httpx.Response:
    body = drained(request.stream, match.limit) if isinstance(request.stream, httpx.SyncByteStream) else b""
    call = match.judge(request.method, *_target(request), request.headers.multi_items(), body)

    def sent(outgoing: Outgoing) -> Answer:
        response = send(_rewritten(request, outgoing, _Trace().sync))
        try:
            response.read()
        finally:
            response.close()
        return _answer(response)

    return _response(request, call.carry(sent))


async def _caught_async(match: Match, request: httpx.Request, send: _AsyncSend) -> httpx.Response:
    parts: list[bytes] = []
    size = 0
    if isinstance(request.stream, httpx.AsyncByteStream):
        async for part in request.stream:
            parts.append(part)
            size += len(part)
            if size > match.limit:
                break
    call = match.judge(request.method, *_target(request), request.headers.multi_items(), b"".join(parts))

    async def sent(outgoing: Outgoing) -> Answer:
        response = await send(_rewritten(request, outgoing, _Trace().async_))
        try:
            await response.aread()
        finally:
            await response.aclose()
        return _answer(response)

    return _response(request, await call.carry_async(sent))


def _target(request: httpx.Request) -> tuple[str, str]:
    path, _, query = request.url.raw_path.decode("ascii").partition("?")
    return path, query


class _Trace:
    """httpcore's own events: between `started` and what follows it the head is written, on an open connection."""

    def __init__(self) -> None:
        self._first: AbstractContextManager[None] | None = None

    def sync(self, event: str, info: object) -> None:
        """Ask, or let go."""
        _, _, what = event.partition(".send_request_headers.")
        if what == "started":
            self._first = first_byte()
            self._first.__enter__()
        elif what and self._first is not None:
            first, self._first = self._first, None
            first.__exit__(None, None, None)

    async def async_(self, event: str, info: object) -> None:
        """The same."""
        self.sync(event, info)


def _rewritten(request: httpx.Request, outgoing: Outgoing, trace: Callable[..., object]) -> httpx.Request:
    timeout: dict[str, Any] = {"timeout": request.extensions["timeout"]} if "timeout" in request.extensions else {}
    timeout["trace"] = trace
    return httpx.Request(
        outgoing.method, outgoing.url, headers=list(outgoing.headers), content=outgoing.body or None, extensions=timeout
    )


def _answer(response: httpx.Response) -> Answer:
    return readable(response.status_code, response.headers.multi_items(), response.content)


def _response(request: httpx.Request, answer: Answer) -> httpx.Response:
    return httpx.Response(answer.status, headers=list(answer.headers), content=answer.body, request=request)
