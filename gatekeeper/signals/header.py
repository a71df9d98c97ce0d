"""Headers as they are: lists. Pure. (name, value) pairs in, values or cookies out, duplicates kept.

Two cookies of one name are two voices, so none is lost. Bytes are read as UTF-8; bytes that are none survive
as surrogates and make the value they stand in unreadable, not its neighbours. Never raises, linear time.
`http.cookies.SimpleCookie` is not used: it loses every cookie after a raw-JSON one. Rules: RFC 6265 section
4.2.1 as browsers write it; the first `=` separates, spaces and tabs around are dropped, one pair of double
quotes is dropped, and the backslashes that servers put inside of it.
"""

from __future__ import annotations

from collections.abc import Iterable

from gatekeeper.model.head import Head
from gatekeeper.signals.encoding import unescape

_BLANK = " \t"


def header_values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> tuple[bytes, ...]:
    """Every value of the header `name` (lower case), in order."""
    if headers.__class__ is Head:
        return headers.values(name)
    return tuple([value for key, value in headers if key == name])


def split_cookies(lines: Iterable[bytes]) -> dict[str, tuple[str, ...]]:
    """Cookie name → all its values in order, from one or more Cookie header lines."""
    cookies: dict[str, list[str]] = {}
    for line in lines:
        for piece in line.split(b";"):
            name, value = split_pair(piece)
            if name:
                cookies.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in cookies.items()}


def split_pair(piece: bytes) -> tuple[str, str]:
    """Name and value of what stands between two semicolons; the name is empty where there is no `=`."""
    name, equals, value = piece.decode("utf-8", "surrogateescape").partition("=")
    if not equals:
        return "", ""
    value = value.strip(_BLANK)
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = unescape(value[1:-1])
    return name.strip(_BLANK), value
