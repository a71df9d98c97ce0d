"""httpcore and httpcore2: every request of every pool, and the lowest place of httpx and httpx2.

A request that was judged above is sent with the lines that were judged, whatever was added to it meanwhile. Any other
to a tracking host is judged here.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any, Final
from urllib.parse import urlsplit

from gatekeeper.model import Answer, Outgoing
from gatekeeper.outbound.first import AsyncTrace, Trace, asking
from gatekeeper.outbound.http_client import phrase
from gatekeeper.outbound.intercept import Match, watch
from gatekeeper.outbound.marks import covering, judged_head, lines, passing, target
from gatekeeper.outbound.patched import Patched
from gatekeeper.outbound.reading import drained, readable

_patched = Patched()
LIBRARIES: Final = ("httpcore", "httpcore2")
Pairs = list[tuple[str, str]]


def install() -> None:
    """Catch the requests of all pools."""
    for name in LIBRARIES:
        if importlib.util.find_spec(name) is None:
            continue
        library = importlib.import_module(name)
        _patched.replace(library.ConnectionPool, "handle_request", _pool(library))
        _patched.replace(library.AsyncConnectionPool, "handle_async_request", _async_pool(library))
        for kind in (library.HTTP11Connection, library.HTTP2Connection):
            if hasattr(kind, "handle_request"):
                _patched.replace(kind, "handle_request", _sealed(library))
        for kind in (library.AsyncHTTP11Connection, library.AsyncHTTP2Connection):
            if hasattr(kind, "handle_async_request"):
                _patched.replace(kind, "handle_async_request", _async_sealed(library))


def uninstall() -> None:
    """Leave the pools as they were."""
    _patched.restore()


def _parts(request: Any) -> tuple[str, str, str, str, str]:
    """Method, scheme, host, path and query; of a proxied request those of its target."""
    where = request.url.target.decode("latin-1")
    scheme, host = request.url.scheme.decode(), request.url.host.decode("latin-1")
    if not where.startswith("/") and "://" in where:
        full = urlsplit(where)
        scheme, host = full.scheme, full.hostname or ""
        where = full.path + (f"?{full.query}" if full.query else "")
    path, _, query = where.partition("?")
    return request.method.decode(), scheme, host, path, query


def _pairs(headers: Any) -> Pairs:
    return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]


def _is_candidate(request: Any) -> bool:
    method, _, host, path, query = _parts(request)
    return judged_head(method, host, path, query) is not None


def _watched(request: Any, body: bytes | None) -> Match | None:
    """`body`: of a candidate, which has been read."""
    method, scheme, host, path, query = _parts(request)
    if body is not None and covering(method, host, path, query, body) is not None:
        return None
    return watch(scheme, host, request.url.port, path)


def _with(library: Any, request: Any, body: bytes) -> Any:
    """The same request with a body that was read, so that it can be read again."""
    return library.Request(
        request.method, request.url, headers=request.headers, content=body, extensions=request.extensions
    )


def _pool(library: Any) -> Any:
    def of(original: Any) -> Any:
        def handle_request(self: Any, request: Any) -> Any:
            whole = b"".join(request.stream) if _is_candidate(request) else None
            if whole is not None:
                request = _with(library, request, whole)
            match = _watched(request, whole)
            if match is None:
                with passing(request.url.host.decode("latin-1")):
                    return original(self, request)

            def sent(outgoing: Outgoing) -> Answer:
                response = original(self, _rewritten(library, request, outgoing))
                try:
                    return _answer(response, response.read())
                finally:
                    response.close()

            method, _, _, path, query = _parts(request)
            body = drained(request.stream, match.limit)
            call = match.judge(method, path, query, _pairs(request.headers), body)
            return _response(library, call.carry(sent, _timeout(request)))

        return handle_request

    return of


def _async_pool(library: Any) -> Any:
    def of(original: Any) -> Any:
        async def handle_async_request(self: Any, request: Any) -> Any:
            whole = b"".join([part async for part in request.stream]) if _is_candidate(request) else None
            if whole is not None:
                request = _with(library, request, whole)
            match = _watched(request, whole)
            if match is None:
                with passing(request.url.host.decode("latin-1")):
                    return await original(self, request)

            async def _sent(outgoing: Outgoing) -> Answer:
                response = await original(self, _rewritten(library, request, outgoing))
                try:
                    return _answer(response, await response.aread())
                finally:
                    await response.aclose()

            parts: list[bytes] = []
            async for part in request.stream:
                parts.append(part)
                if sum(map(len, parts)) > match.limit:
                    break
            method, _, _, path, query = _parts(request)
            call = match.judge(method, path, query, _pairs(request.headers), b"".join(parts))
            return _response(library, await call.carry_async(_sent, _timeout(request)))

        return handle_async_request

    return of


def _sealed(library: Any) -> Any:
    def of(original: Any) -> Any:
        def handle_request(self: Any, request: Any) -> Any:
            return original(self, _as_judged(library, request, Trace))

        return handle_request

    return of


def _async_sealed(library: Any) -> Any:
    def of(original: Any) -> Any:
        async def handle_async_request(self: Any, request: Any) -> Any:
            return await original(self, _as_judged(library, request, AsyncTrace))

        return handle_async_request

    return of


def _as_judged(library: Any, request: Any, kind: type[Trace]) -> Any:
    """The request with the lines that were judged, asking before its first byte; any not judged is the same."""
    method, _, host, path, query = _parts(request)
    judged = judged_head(method, host, path, query)
    if judged is None:
        return request
    url = request.url
    there = target(judged, in_full=not url.target.startswith(b"/"))
    return library.Request(
        request.method,
        library.URL(scheme=url.scheme, host=url.host, port=url.port, target=there.encode("latin-1")),
        headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in
                 lines(judged, [(n.decode("latin-1"), v.decode("latin-1")) for n, v in request.headers])],
        content=request.stream,
        extensions=asking(request.extensions, kind),
    )  # fmt: skip


def _rewritten(library: Any, request: Any, outgoing: Outgoing) -> Any:
    framing = [("Host", urlsplit(outgoing.url).netloc), ("Content-Length", str(len(outgoing.body)))]
    kept = {key: request.extensions[key] for key in ("timeout",) if key in request.extensions}
    headers = lines(outgoing, framing if outgoing.body else framing[:1])
    return library.Request(outgoing.method, outgoing.url, headers=headers, content=outgoing.body, extensions=kept)


def _answer(response: Any, body: bytes) -> Answer:
    return readable(response.status, _pairs(response.headers), body)


def _response(library: Any, answer: Answer) -> Any:
    more = {"http_version": b"HTTP/1.1", "reason_phrase": phrase(answer.status).encode()}
    return library.Response(answer.status, headers=list(answer.headers), content=answer.body, extensions=more)


def _timeout(request: Any) -> float | None:
    """The seconds that the app gave the call, part by part: the longest of them."""
    given = [one for one in request.extensions.get("timeout", {}).values() if one]
    return max(given, default=None)
