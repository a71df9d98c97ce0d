"""Headers as they are: lists. Pure. (name, value) pairs in, values or cookies out, duplicates kept.

`http.cookies.SimpleCookie` is not used: it loses every cookie after a raw-JSON one. Rules: RFC 6265 section
4.2.1 as browsers write it; the first `=` separates, spaces and tabs around are dropped, one pair of double
quotes is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable


def header_values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> tuple[bytes, ...]:
    """Every value of the header `name` (lower case), in order."""
    return tuple(value for key, value in headers if key == name)


def split_cookies(lines: Iterable[bytes]) -> dict[str, tuple[str, ...]]:
    """Cookie name → all its values in order, from one or more Cookie header lines."""
    cookies: dict[str, tuple[str, ...]] = {}
    for line in lines:
        for pair in line.decode("latin-1").split(";"):
            name, separator, value = pair.partition("=")
            if not separator:
                continue
            name = name.strip(" \t")
            value = value.strip(" \t")
            if len(value) > 1 and value[0] == value[-1] == '"':
                value = value[1:-1]
            cookies[name] = (*cookies.get(name, ()), value)
    return cookies
