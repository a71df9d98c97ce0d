"""http.client: every request of every connection, and the lowest place of urllib, urllib3 and requests.

A request that was judged above is sent with the lines that were judged, whatever was added to it meanwhile. Any other
to a tracking host is held back until its answer is asked for; then it is judged as a whole. One with the head of a
judged request whose body comes later is held back, too, until that body can be compared. The head of a judged request
is written to a connection that is open already: no withdrawal waits for one, and no request begins behind it.
"""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final
from urllib.parse import urlsplit

from gatekeeper.model import Answer, Outgoing
from gatekeeper.outbound.intercept import Match, watch
from gatekeeper.outbound.marks import covering, first_byte, judged_head, lines, passing, target
from gatekeeper.outbound.patched import Patched
from gatekeeper.outbound.reading import body_of, readable

_patched = Patched()
_asking = Patched()
_HELD: Final = "_gatekeeper_held"
_JUDGED: Final = "_gatekeeper_judged"  # the next bytes are the head of a judged request


def install() -> None:
    """Catch the requests of all connections."""
    _asking.restore()
    _patched.replace(http.client.HTTPConnection, "_send_output", _send_output)
    _patched.replace(http.client.HTTPConnection, "send", _send)
    _patched.replace(http.client.HTTPConnection, "getresponse", _getresponse)


def ask() -> None:
    """Catch nothing, but have judged requests ask before their first byte: for clients that judge by themselves."""
    if not _patched and not _asking:
        _asking.replace(http.client.HTTPConnection, "_send_output", _asked_output)
        _asking.replace(http.client.HTTPConnection, "send", _send)


def uninstall() -> None:
    """Leave the connections as they were."""
    _patched.restore()
    _asking.restore()


def response_of(answer: Answer, method: str | None, kind: Any = http.client.HTTPResponse) -> Any:
    """An answer as a connection gives it: of the class of its responses, complete."""
    head = [
        f"HTTP/1.1 {answer.status} {phrase(answer.status)}",
        *(f"{name}: {value}" for name, value in answer.headers),
    ]
    if answer.status not in (204, 304):
        head.append(f"Content-Length: {len(answer.body)}")
    raw = "\r\n".join([*head, "", ""]).encode("latin-1") + (b"" if answer.status in (204, 304) else answer.body)
    response = kind(_Socket(raw), method=method)
    response.begin()
    return response


def phrase(status: int) -> str:
    """The words behind a status."""
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""


class _Socket:
    """A socket that has been read already, or is not there yet."""

    def __init__(self, raw: bytes = b"") -> None:
        self._raw = raw

    def makefile(self, mode: str) -> BytesIO:
        return BytesIO(self._raw)

    def settimeout(self, seconds: float | None) -> None:
        pass

    def close(self) -> None:
        pass


class _Request:
    """The head that a connection has put together, taken apart."""

    def __init__(self, connection: Any) -> None:
        first, *rest = [bytes(line).decode("latin-1") for line in connection._buffer]
        self.method, self.target, self.version = first.split(" ", 2)
        self.headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in rest)]
        secure = isinstance(connection, http.client.HTTPSConnection)
        self.in_full = "://" in self.target
        where = urlsplit(self.target)
        self.path, self.query = where.path, where.query
        if self.in_full:
            self.scheme, self.host, self.port = where.scheme, where.hostname or "", where.port
        else:
            self.scheme = "https" if secure else "http"
            self.host = connection._tunnel_host or connection.host
            self.port = connection._tunnel_port if connection._tunnel_host else connection.port
        named = {name.lower(): value for name, value in self.headers}
        self.size = int(named["content-length"]) if named.get("content-length", "").isdecimal() else 0
        self.chunked = "chunked" in named.get("transfer-encoding", "").lower()


class _Held:
    """A request that is not sent yet."""

    def __init__(self, match: Match | None, request: _Request, waiting: bool, limit: int) -> None:
        self.match = match
        self.request = request
        self.waiting = waiting
        self.parts: list[bytes] = []
        self._left = limit

    def add(self, data: Any) -> None:
        """Keep a part of the body, no more than is needed to see that it is too large."""
        if self._left >= 0:
            part = body_of(data, self._left)
            self.parts.append(part)
            self._left -= len(part)

    def body(self) -> bytes:
        """The body, out of its chunks."""
        raw = b"".join(self.parts)
        if not self.request.chunked or self._left < 0:
            return raw
        reader = http.client.HTTPResponse(_Socket(b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n" + raw))  # type: ignore[arg-type]  # it needs no more of a socket than `makefile`
        reader.begin()
        return reader.read()


def _send_output(original: Any) -> Any:
    def _send_output(self: Any, message_body: Any = None, encode_chunked: bool = False) -> Any:
        try:
            request = _Request(self)
        except (ValueError, IndexError):  # http.client itself says what is wrong
            return original(self, message_body, encode_chunked=encode_chunked)
        at = (request.method, request.host, request.path, request.query)
        whole = isinstance(message_body, bytes) or not (request.size or request.chunked)
        judged = covering(*at, message_body or b"") if whole else None
        if judged is not None:
            first = f"{judged.method} {target(judged, in_full=request.in_full)} {request.version}"
            head = [first, *(f"{name}: {value}" for name, value in lines(judged, request.headers))]
            self._buffer[:] = [line.encode("latin-1") for line in head]
            with _first(self):
                return original(self, message_body, encode_chunked=encode_chunked)
        match = watch(request.scheme, request.host, request.port, request.path)
        candidate = None if whole else judged_head(*at)
        if match is None and candidate is None:
            with passing(request.host):
                return original(self, message_body, encode_chunked=encode_chunked)
        if candidate is not None and self.sock is None:  # where its caller expects to be told that it cannot connect
            self.connect()
        limit = max(0 if match is None else match.limit, 0 if candidate is None else len(candidate.body))
        held = _Held(match, request, self.sock is None, limit)
        del self._buffer[:]
        if held.waiting:
            self.sock = _Socket()
        setattr(self, _HELD, held)
        if message_body is not None:
            held.request.chunked = False  # not in chunks yet
            held.add(message_body)
        return None

    return _send_output


def _asked_output(original: Any) -> Any:
    def _send_output(self: Any, message_body: Any = None, encode_chunked: bool = False) -> Any:
        try:
            request = _Request(self)
        except (ValueError, IndexError):  # http.client itself says what is wrong
            return original(self, message_body, encode_chunked=encode_chunked)
        judged = judged_head(request.method, request.host, request.path, request.query)
        with contextlib.nullcontext() if judged is None else _first(self):
            return original(self, message_body, encode_chunked=encode_chunked)

    return _send_output


@contextlib.contextmanager
def _first(connection: Any) -> Iterator[None]:
    """What is sent first in here is the head of a judged request. Opens the connection."""
    if connection.sock is None and connection.auto_open:
        connection.connect()
    setattr(connection, _JUDGED, True)
    try:
        yield
    finally:
        connection.__dict__.pop(_JUDGED, None)


def _send(original: Any) -> Any:
    def send(self: Any, data: Any) -> Any:
        held = self.__dict__.get(_HELD)
        if held is not None:
            return held.add(data)
        if not self.__dict__.pop(_JUDGED, False):
            return original(self, data)
        with first_byte():
            return original(self, data)

    return send


def _getresponse(original: Any) -> Any:
    def getresponse(self: Any, *args: Any, **options: Any) -> Any:
        held = self.__dict__.pop(_HELD, None)
        if held is None:
            return original(self, *args, **options)
        if held.waiting:
            self.sock = None
        request, body = held.request, held.body()
        judged = covering(request.method, request.host, request.path, request.query, body)
        if judged is not None:
            _write(self, request, judged)
            return original(self, *args, **options)
        if held.match is None:  # no tracking call, but for the one with this head, which this is not
            raise http.client.CannotSendRequest("a request with the head of a judged one had another body")
        call = held.match.judge(request.method, request.path, request.query, request.headers, body)
        try:
            answer = call.carry(lambda outgoing: _sent(self, request, outgoing, original), self.timeout)
        finally:
            self._HTTPConnection__response, self._HTTPConnection__state = None, http.client._CS_IDLE  # type: ignore[attr-defined]  # not in its stubs
        return response_of(answer, request.method, self.response_class)

    return getresponse


def _sent(connection: Any, request: _Request, outgoing: Outgoing, getresponse: Any) -> Answer:
    """By the app's own connection if the call goes where the app sent it."""
    parts = urlsplit(outgoing.url)
    if (parts.scheme, parts.hostname) != (request.scheme, request.host):
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        other = kind(parts.hostname or "", parts.port, timeout=connection.timeout)
        try:
            other.request(outgoing.method, target(outgoing, in_full=False), outgoing.body, dict(outgoing.headers))
            return _read(other.getresponse())
        finally:
            other.close()
    _write(connection, request, outgoing)
    return _read(getresponse(connection))


def _write(connection: Any, request: _Request, outgoing: Outgoing) -> None:
    """The judged request by this connection, head and body at once."""
    framing: Iterable[tuple[str, str]] = [
        pair for pair in request.headers if pair[0].lower() not in ("content-length", "transfer-encoding")
    ]
    size = [("Content-Length", str(len(outgoing.body)))] if outgoing.body else []
    first = f"{outgoing.method} {target(outgoing, in_full=request.in_full)} {request.version}"
    head = [first, *(f"{name}: {value}" for name, value in [*lines(outgoing, framing), *size]), "", ""]
    with _first(connection):
        connection.send("\r\n".join(head).encode("latin-1"))
    if outgoing.body:
        connection.send(outgoing.body)


def _read(response: Any) -> Answer:
    return readable(response.status, response.getheaders(), response.read())
