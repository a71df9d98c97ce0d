"""The Cookie header, split without losing anything.

Contract: all header lines in, the pairs in their order out, duplicates kept (two cookies of one name are
two voices), values as they came except for one pair of surrounding double quotes. Bytes are read as UTF-8;
bytes that are none survive as surrogates and make the value they stand in unreadable, not its neighbours.
Never raises. `http.cookies` is not used: one raw JSON value makes it drop every cookie that follows.
Source: RFC 6265 section 4.2.1; https://httpwg.org/http-extensions/draft-ietf-httpbis-rfc6265bis.html
section 4.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_BLANK = " \t"


def text(line: bytes | str) -> str:
    """One header line as text."""
    return line.decode("utf-8", "surrogateescape") if isinstance(line, bytes) else line


def raw(line: str) -> bytes:
    """One header line as bytes, whatever characters it holds."""
    return line.encode("utf-8", "surrogatepass")


def pair(piece: str) -> tuple[str, str]:
    """Name and value of one piece between semicolons; a piece without `=` has an empty name."""
    name, equals, value = piece.partition("=")
    if not equals:
        return "", name.strip(_BLANK)
    value = value.strip(_BLANK)
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    return name.strip(_BLANK), value


def split(lines: Iterable[bytes | str]) -> tuple[tuple[str, str], ...]:
    """All name-value pairs of all Cookie header lines, in order."""
    pairs = (pair(piece) for line in lines for piece in text(line).split(";"))
    return tuple((name, value) for name, value in pairs if name)


def cookies(lines: Iterable[bytes | str]) -> Mapping[str, tuple[str, ...]]:
    """The same as a multi-map: every name with all its values, in order."""
    found: dict[str, list[str]] = {}
    for name, value in split(lines):
        found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}
