"""What HTTP clients hand over, in plain terms: bodies, headers, answers and exceptions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from gatekeeper.gate.carry import UNKNOWN
from gatekeeper.model import Answer

# In the class of an exception that is raised before there is a connection.
_UNCONNECTED: Final = ("connecterror", "connecttimeout", "newconnection", "connectorerror", "resolution", "gaierror")
# A client's own framing, and what it made of the answer by reading it: not the call's, not the answer's.
_FRAMING: Final = frozenset({"content-length", "transfer-encoding", "connection", "content-encoding", "keep-alive"})


def readable(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> Answer:
    """A vendor's answer whose body the client has decoded."""
    return Answer(status, tuple((name, value) for name, value in headers if name.lower() not in _FRAMING), body)


def drained(parts: Iterable[bytes | str], limit: int) -> bytes:
    """A streamed body, read no further than is needed to see that it is too large."""
    chunks: list[bytes] = []
    size = 0
    for part in parts:
        chunk = part.encode() if isinstance(part, str) else bytes(part)
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            break
    return b"".join(chunks)


def body_of(body: Any, limit: int) -> bytes:
    """A body as requests and urllib3 take it: text, bytes, a file or parts; read as `drained` reads."""
    match body:
        case None:
            return b""
        case str():
            return body.encode()
        case bytes() | bytearray() | memoryview():
            return bytes(body)
    if hasattr(body, "read"):
        return drained([body.read(limit + 1)], limit)
    return drained(body, limit)


def failure(error: BaseException) -> str:
    """A short code of an exception: its class where there was no connection, else `unknown`.

    After `unknown` the vendor may have the call. Never the exception's words, which may hold a URL.
    """
    for one in _causes(error):
        name = type(one).__name__
        if any(word in name.lower() for word in _UNCONNECTED) or isinstance(one, ConnectionRefusedError):
            name = type(error).__name__.removesuffix("Error") or "unknown"
            return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")
    return UNKNOWN


def _causes(error: BaseException) -> list[BaseException]:
    """An exception, and those that it was raised for: clients wrap them in several ways."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(found) < 20:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            waiting += [getattr(one, "reason", None), *one.args[:1], one.__cause__, one.__context__]
    return found


def pairs(headers: Any) -> list[tuple[str, str]]:
    """Headers as clients take them (a mapping or pairs, text or bytes) as pairs of text."""
    items = () if headers is None else headers.items() if hasattr(headers, "items") else headers
    return [(_text(name), _text(value)) for name, value in items]


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
