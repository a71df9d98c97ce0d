"""aiohttp (3.12 or newer): every request of every session, redirects' second hops included.

aiohttp.ClientSession(middlewares=[gatekeeper.outbound.aiohttp.middleware])          for one session only
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from typing import Any

import aiohttp
from aiohttp.base_protocol import BaseProtocol
from aiohttp.helpers import TimerNoop
from aiohttp.http_writer import StreamWriter
from aiohttp.payload import BytesPayload
from aiohttp.streams import StreamReader
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from gatekeeper.errors import ConfigError
from gatekeeper.model import Answer, Outgoing
from gatekeeper.outbound.http_client import phrase
from gatekeeper.outbound.intercept import watch
from gatekeeper.outbound.marks import covering, first_byte, judged_head, lines, passing, target
from gatekeeper.outbound.patched import Patched
from gatekeeper.outbound.reading import pairs, readable

_patched = Patched()
_writing = Patched()
_NEEDS_WRITER = "stream_writer" in inspect.signature(aiohttp.ClientResponse.__init__).parameters


def install() -> None:
    """Catch the requests of all sessions. Raises ConfigError for an aiohttp that is too old to be caught."""
    if "middlewares" not in inspect.signature(aiohttp.ClientSession._request).parameters:
        raise ConfigError(f"aiohttp: {aiohttp.__version__} cannot be caught; use 3.12 or newer")
    _patched.replace(aiohttp.ClientSession, "_request", _request)
    _write_as_judged()


def uninstall() -> None:
    """Leave the sessions as they were."""
    _patched.restore()
    _writing.restore()


def _write_as_judged() -> None:
    """Have judged requests written as they were judged, and ask before their first byte; all others are not touched."""
    if not _writing:
        _writing.replace(StreamWriter, "write_headers", _write_headers)


def _request(original: Any) -> Any:
    async def _request(self: aiohttp.ClientSession, method: str, url: Any, **options: Any) -> aiohttp.ClientResponse:
        theirs = options.get("middlewares")
        # The last one is the innermost: it sees what the app's own ones made of the request.
        options["middlewares"] = (*(self._middlewares if theirs is None else theirs), middleware)
        return await original(self, method, url, **options)  # type: ignore[no-any-return]  # kept untyped

    return _request


async def middleware(request: aiohttp.ClientRequest, send: Any) -> aiohttp.ClientResponse:
    """Judges one request; `send` is what comes after in the session."""
    url = request.url
    # A request that was judged has its body in memory.
    plain = await _body(request.body, 0) if isinstance(request.body, (bytes, BytesPayload)) else None
    if covering(request.method, url.host or "", url.raw_path, url.raw_query_string, plain) is not None:
        return await send(request)  # type: ignore[no-any-return]  # kept untyped
    match = watch(url.scheme, url.host or "", url.port, url.raw_path)
    if match is None:
        with passing(url.host or ""):
            return await send(request)  # type: ignore[no-any-return]  # kept untyped
    # A body that the session itself would compress is still plain here.
    headers = [
        pair for pair in pairs(request.headers) if not (request.compress and pair[0].lower() == "content-encoding")
    ]
    body = await _body(request.body, match.limit)
    call = match.judge(request.method, url.raw_path, url.raw_query_string, headers, body)
    return _response(request, await call.carry_async(lambda outgoing: _sent(request, outgoing, send)))


async def _body(body: Any, limit: int) -> bytes:
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    written = _Written(limit)
    with contextlib.suppress(_Enough):
        await body.write(written)
    return b"".join(written.chunks)


class _Enough(Exception):  # noqa: N818  # an event: the body is too large, and need not be read further
    pass


class _Written:
    """The writer of a request that is not written to any connection: it keeps what the body gives."""

    output_size = 0

    def __init__(self, limit: int = 0) -> None:
        self.chunks: list[bytes] = []
        self._left = limit

    async def write(self, chunk: Any) -> None:
        """Keep a part; stop the body that is over the limit."""
        self.chunks.append(bytes(chunk))
        self._left -= len(chunk)
        if self._left < 0:
            raise _Enough


async def _sent(request: aiohttp.ClientRequest, outgoing: Outgoing, send: Any) -> Answer:
    """By the rest of the session, with the timeouts of this request; without cookies and default headers.

    No trace of the session is asked again: what it adds to a request was not judged.
    """
    rewritten = request.__class__(
        outgoing.method,
        URL(outgoing.url, encoded=True),
        headers=CIMultiDict(outgoing.headers),
        skip_auto_headers=("User-Agent",),
        data=outgoing.body or None,
        loop=asyncio.get_running_loop(),
        response_class=aiohttp.ClientResponse,
        proxy=request.proxy,
        proxy_auth=request.proxy_auth,
        proxy_headers=request.proxy_headers,
        timer=request._timer,
        session=request._session,
        ssl=request.ssl,
    )
    _write_as_judged()
    response = await send(rewritten)
    try:
        return readable(response.status, pairs(response.headers), await response.read())
    finally:
        response.release()


def _write_headers(original: Any) -> Any:
    """The lowest place: a judged request is written with the lines that were judged, whatever was added to it."""

    async def write_headers(self: Any, status_line: str, headers: Any) -> Any:
        method, _, rest = status_line.partition(" ")
        there, _, version = rest.rpartition(" ")
        in_full = "://" in there
        where = there.partition("//")[2].partition("/")[2] if in_full else there
        path, _, query = where.partition("?")
        judged = judged_head(method, headers.get("Host", ""), f"/{path.lstrip('/')}", query)
        if judged is None:
            return await original(self, status_line, headers)
        headers = CIMultiDict(lines(judged, list(headers.items())))
        status_line = f"{judged.method} {target(judged, in_full=in_full)} {version}"
        await original(self, status_line, headers)
        with first_byte():  # the connection is open, and the head would be kept until there is a body
            self.send_headers()
        return None

    return write_headers


def _response(request: aiohttp.ClientRequest, answer: Answer) -> aiohttp.ClientResponse:
    """An answer as the session gives it: complete, with no connection behind it."""
    loop = asyncio.get_running_loop()
    more: dict[str, Any] = {"stream_writer": _Written()} if _NEEDS_WRITER else {}
    response = request.response_class(
        request.method,
        request.url,
        writer=None,
        continue100=None,
        timer=TimerNoop(),
        request_info=request.request_info,
        traces=[],
        loop=loop,
        session=request._session,
        **more,
    )
    headers = CIMultiDict([*answer.headers, ("Content-Length", str(len(answer.body)))])
    response.version = aiohttp.HttpVersion11
    response.status = answer.status
    response.reason = phrase(answer.status)
    response._headers = CIMultiDictProxy(headers)
    response._raw_headers = tuple((name.encode(), value.encode("latin-1")) for name, value in headers.items())
    response.content = _stream(answer.body, loop)
    response._closed = True
    return response


def _stream(body: bytes, loop: asyncio.AbstractEventLoop) -> StreamReader:
    stream = StreamReader(BaseProtocol(loop), 2**16, loop=loop)
    stream.feed_data(body)
    stream.feed_eof()
    return stream
