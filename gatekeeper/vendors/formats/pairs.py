"""Queries and forms. Pure. `a=1&b=2` in, (name, value) pairs in their order or their leaves out, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote

from gatekeeper.vendors.dialect import Leaf, Unreadable
from gatekeeper.vendors.formats.table import Table

MAX_PAIRS = 2_000
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:[eE][+-]?[0-9]{1,2})?")


def read(text: str, table: Table) -> tuple[Leaf, ...]:
    """The pairs as leaves, each at its own number. Raises Unreadable if there are too many or one is no UTF-8."""
    return tuple(table.leaf(name, value, (n, name)) for n, (name, value) in enumerate(read_pairs(text)))


def read_pairs(text: str) -> list[tuple[str, str]]:
    """The pairs themselves, as `urllib.parse.parse_qsl` has them. Raises Unreadable as `read` does."""
    if text.count("&") >= MAX_PAIRS:
        raise Unreadable("the parameters cannot be read")
    found = []
    try:
        for part in text.split("&"):
            if part:
                name, _, value = part.partition("=")
                found.append((_unquoted(name), _unquoted(value)))
    except UnicodeDecodeError:
        raise Unreadable("the parameters cannot be read") from None
    return found


def _unquoted(text: str) -> str:
    text = text.replace("+", " ")
    return unquote(text, errors="strict") if "%" in text else text


def leaves(rows: Iterable[tuple[str, str]], table: Table, place: str) -> tuple[Leaf, ...]:
    """The pairs as leaves under their own names, at (`place`, number, name)."""
    return tuple(table.leaf(name, value, (place, n, name)) for n, (name, value) in enumerate(rows))


def beside(text: str, table: Table, place: str, *, but: frozenset[str] = frozenset()) -> tuple[Leaf, ...]:
    """The pairs beside a JSON body as leaves `query.<name>` at (`place`, number, name), without those in `but`."""
    return tuple(
        table.leaf(f"query.{name}", value, (place, n, name))
        for n, (name, value) in enumerate(read_pairs(text))
        if name not in but
    )


def rows(leaves: Iterable[Leaf], place: str) -> list[tuple[str, object]]:
    """The pairs that are left at a place, in their order."""
    return [(str(leaf.path[2]), leaf.value) for leaf in leaves if leaf.path[:1] == (place,)]


def write_pairs(pairs: Iterable[tuple[str, object]], *, plus: bool = True) -> str:
    """The query of some pairs, in their order; a space is `+`, or `%20` where JavaScript's encodeURIComponent wrote."""
    return "&".join([f"{_quoted(name, plus)}={_quoted(text(value), plus)}" for name, value in pairs])


def _quoted(text: str, plus: bool) -> str:
    if _PLAIN.fullmatch(text):
        return text
    return quote_plus(text) if plus else quote(text, safe="")


def number(value: str) -> object:
    """A number that stands there as text, a whole one as a whole number; the text itself if it is not a number."""
    text = value.strip()
    if _NUMBER.fullmatch(text) is None:
        return value
    found = float(text)
    return int(found) if found.is_integer() and abs(found) < 2**53 else found


def text(value: object) -> str:
    """A value as it stands in a query: 149.0 is 149, true is true."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
