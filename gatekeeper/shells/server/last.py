"""The last answer of a connection: why a request is refused, as bytes."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

import httptools
import orjson

from gatekeeper.shells.server.hygiene import Fault

_PHRASES: Final = {int(status): status.phrase for status in HTTPStatus}
# The first line of an answer, by its status; one that no standard names has no phrase.
STATUS_LINE: Final = {n: f"HTTP/1.1 {n} {_PHRASES.get(n, '')}\r\n".encode("ascii") for n in range(100, 600)}
NOT_HTTP: Final = Fault(400, "this is not HTTP/1.1")
_METHOD: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ [/*]")  # of a request line, known here or not


def unparsed(error: Exception, data: bytes) -> Fault:
    """Why the parser refuses bytes: it may be HTTP that it does not know."""
    if isinstance(error, httptools.HttpParserInvalidMethodError) and _METHOD.match(data):
        return Fault(501, "the method is not known here")
    if isinstance(error, httptools.HttpParserInvalidURLError):
        return Fault(400, "the target is not a valid URL")
    return NOT_HTTP


def problem(fault: Fault) -> bytes:
    """A whole answer, after which the connection ends."""
    body = orjson.dumps({"type": "about:blank", "status": fault.status, "title": fault.title})
    return last_answer(fault.status, [(b"content-type", b"application/problem+json")], body)


def last_answer(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    """An answer as bytes, after which the connection ends."""
    framing = [(b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    lines = b"".join(b"%s: %s\r\n" % header for header in (*headers, *framing))
    return STATUS_LINE[status] + lines + b"\r\n" + body
