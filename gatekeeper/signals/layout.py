"""Bit layouts as data: the tables in `tcf/` and `gpp/` name every field, its width and its specification.

Contract: `layouts` reads a packaged TOML file once, at import; `Layout.read` walks a `Bits` cursor over
one table and returns the fields by attribute name. Whatever does not fit is `UnreadableError`, as in
`bits`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from gatekeeper.signals.bits import Bits, Ids
from gatekeeper.signals.encoding import UnreadableError


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a layout: the specification's name, our attribute, how it is read, its width and link."""

    name: str
    attribute: str
    kind: str
    bits: int
    link: str


@dataclass(frozen=True, slots=True)
class Restriction:
    """One publisher restriction: for `vendors` the TCF `purpose` is treated as `kind` says.

    `kind`: 0 not allowed, 1 consent required, 2 legitimate interest required, 3 undefined (no effect).
    """

    purpose: int
    kind: int
    vendors: Ids


def _letters(number: int) -> str:
    """Two letters of six bits each, A is 0."""
    return chr(ord("A") + (number >> 6)) + chr(ord("A") + (number & 63))


def _vendors_1(bits: Bits, _width: int) -> Ids:
    """The vendor section of version 1: ranges may list the vendors that differ from a default."""
    highest = bits.number(16)
    if not bits.flag():
        return bits.field(highest)
    consented_by_default = bits.flag()
    listed = bits.ranges(highest)
    if not consented_by_default:
        return listed
    rest, following = [], 1
    for first, last in (*listed.intervals(), (highest + 1, highest + 1)):
        if following < first:
            rest.append((following, first - 1))
        following = last + 1
    return Ids(spans=tuple(rest))


def _bit_field_vendors(bits: Bits, _width: int) -> Ids:
    highest = bits.number(16)
    if bits.flag():
        raise UnreadableError("a vendor list in ranges of an unsettled encoding")
    return bits.field(highest)


def _restrictions(bits: Bits, _width: int) -> tuple[Restriction, ...]:
    return tuple(Restriction(bits.number(6), bits.number(2), bits.ranges(0xFFFF)) for _ in range(bits.number(12)))


def _custom(bits: Bits, width: int) -> tuple[Ids, Ids]:
    """A count, then so many consent bits, then so many legitimate interest bits."""
    count = bits.number(width)
    return bits.field(count), bits.field(count)


_OF_FIXED_WIDTH: Mapping[str, Callable[[int, int], object]] = {
    "number": lambda number, _width: number,
    "flag": lambda number, _width: number == 1,
    "time": lambda number, _width: number / 10,  # deciseconds
    "letters": lambda number, _width: _letters(number),
    "ids": Ids,
}
_OF_OWN_LENGTH: Mapping[str, Callable[[Bits, int], object]] = {
    "vendors": lambda bits, _width: bits.vendors(),
    "vendors_1": _vendors_1,
    "bit_field_vendors": _bit_field_vendors,
    "restrictions": _restrictions,
    "custom": _custom,
}


class Layout:
    """One table, compiled: the fields of fixed width stand first and are cut out in one go."""

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.fields = fields
        self._fixed: list[tuple[str, int, int, int, Callable[[int, int], object]]] = []
        at = 0
        for field in fields:
            if field.kind not in _OF_FIXED_WIDTH:
                break
            convert = _OF_FIXED_WIDTH[field.kind]
            self._fixed.append((field.attribute, at, at + field.bits, field.bits, convert))
            at += field.bits
        self._width = at
        rest = fields[len(self._fixed) :]
        self._rest = [(field.attribute, field.bits, _OF_OWN_LENGTH[field.kind]) for field in rest]

    def read(self, bits: Bits) -> dict[str, Any]:
        """The values at the cursor, by attribute name; the cursor stands behind them afterwards."""
        text = bits.take(self._width)
        values: dict[str, Any] = {
            name: convert(int(text[start:end], 2), width) for name, start, end, width, convert in self._fixed
        }
        for name, width, convert in self._rest:
            values[name] = convert(bits, width)
        return values


def layouts(package: str, resource: str) -> Mapping[str, Layout]:
    """The tables of one packaged layout file, by name."""
    tables = tomllib.loads((files(package) / resource).read_text(encoding="utf-8"))
    return {
        name: Layout(
            tuple(
                Field(
                    name=row["name"],
                    attribute=row["as"],
                    kind=row["kind"],
                    bits=row.get("bits", 0),
                    link=f"{table['source']}#L{row['line']}",
                )
                for row in table["fields"]
            )
        )
        for name, table in tables.items()
    }
