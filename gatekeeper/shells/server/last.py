"""The last answer of a connection: why a request is refused, as bytes; and an answer that ends with the connection."""

from __future__ import annotations

import re
from typing import Any, Final

import httptools
import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from gatekeeper.shells.server.hygiene import Fault

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


class _AnyLength:
    """A length that every body has: uvicorn's cycle counts down from it, and asks at the end whether it is not 0."""

    def __lt__(self, other: object) -> bool:
        return False

    def __sub__(self, other: object) -> _AnyLength:
        return self

    def __ne__(self, other: object) -> bool:
        return other != 0


def until_close(cycle: Any) -> None:
    """Let an answer without a length end with the connection: HTTP/1.0 knows no chunks (RFC 9112 section 6.1)."""
    cycle.chunked_encoding = False
    cycle.expected_content_length = _AnyLength()
