"""The US sections of a GPP string: what was opted out of, and what they say of children and sensitive data.

Contract: `parse` gives a `UsSection` or raises `UnreadableError`. The opt-outs stand at fixed places
before every list of varying length, so they are read from any version; the lists only from a version
whose layout is known. Bit positions: `sections.toml`, with a link per field.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from gatekeeper.signals.bits import Bits
from gatekeeper.signals.encoding import UnreadableError

_SUBSECTIONS = 8  # more than any section has
_GPC = 1

Place = tuple[int, int, int]  # first bit, bits of one value, number of values


@dataclass(frozen=True, slots=True)
class UsSection:
    """One US section. Opt-outs: 0 not applicable, 1 opted out, 2 did not, 3 invalid; `None`: no such field.

    `sensitive` and `known_child` hold one number per category (0 not applicable, 1 no consent, 2
    consent), `None` where the string does not carry them in a layout we know. `gpc` is `None` where the
    section has no GPC part.
    """

    id: int
    name: str
    version: int
    sale: int | None
    sharing: int | None
    targeted: int | None
    gpc: bool | None
    sensitive: tuple[int, ...] | None
    known_child: tuple[int, ...] | None
    has_header: bool


@dataclass(frozen=True, slots=True)
class _Layout:
    name: str
    version: int
    has_header: bool
    places: Mapping[str, Place]
    width: int
    sensitive: Place | None  # in a part of its own
    has_gpc: bool


def _places(rows: list[dict[str, str | int]]) -> tuple[dict[str, Place], int]:
    places, at = {}, 0
    for row in rows:
        bits, count = int(row["bits"]), int(row.get("count", 1))
        name = str(row["name"])
        # Tennessee's specification alone writes the singular.
        places["KnownChild" if name.startswith("KnownChild") else name] = (at, bits, count)
        at += bits * count
    return places, at


def _load() -> Mapping[int, Mapping[int, _Layout]]:
    tables = tomllib.loads((files(__package__) / "sections.toml").read_text("utf-8"))["section"]
    by_id: dict[int, dict[int, _Layout]] = {}
    for table in tables:
        places, width = _places(table["core"])
        apart, _ = _places(table.get("sensitive", []))
        by_id.setdefault(table["id"], {})[table["version"]] = _Layout(
            name=table["name"],
            version=table["version"],
            has_header=table["header"],
            places=places,
            width=width,
            sensitive=apart.get("SensitiveDataProcessing"),
            has_gpc="gpc" in table,
        )
    return by_id


_LAYOUTS = _load()

US_SECTIONS: Mapping[int, str] = {number: next(iter(found.values())).name for number, found in _LAYOUTS.items()}
"""The ids of the US sections that can be read, and their names."""


def parse(number: int, text: str) -> UsSection:
    """Decode the section with id `number`. Raises `UnreadableError`."""
    versions = _LAYOUTS[number]
    newest = versions[max(versions)]
    parts = text.split(".", _SUBSECTIONS)
    core, has_header = Bits(parts[0]), False
    if newest.has_header and core.number(6) == number:
        has_header = True
        version = core.number(6)
        core.fibonacci_ranges(_SUBSECTIONS)
        if len(parts) < 2:
            raise UnreadableError("a section header without a core")
        del parts[0]
        core = Bits(parts[0])
    else:
        core.at = 0
        version = core.number(6)
    known = versions.get(version)
    if len(core.text) < min(layout.width for layout in versions.values()):
        raise UnreadableError("truncated")
    layout = known or newest
    lists = known is not None and len(core.text) >= known.width
    return UsSection(
        id=number,
        name=layout.name,
        version=version,
        sale=_one(core, layout, "SaleOptOut"),
        sharing=_one(core, layout, "SharingOptOut"),
        targeted=_one(core, layout, "TargetedAdvertisingOptOut"),
        gpc=_gpc(parts[1:]) if layout.has_gpc else None,
        sensitive=_sensitive(core, layout, parts[1:]) if lists else None,
        known_child=_many(core, layout.places.get("KnownChild")) if lists else None,
        has_header=has_header,
    )


def _one(core: Bits, layout: _Layout, name: str) -> int | None:
    place = layout.places.get(name)
    return None if place is None else int(core.text[place[0] : place[0] + place[1]], 2)


def _many(bits: Bits, place: Place | None) -> tuple[int, ...] | None:
    if place is None:
        return None
    start, width, count = place
    if len(bits.text) < start + width * count:
        raise UnreadableError("truncated")
    return tuple(int(bits.text[at : at + width], 2) for at in range(start, start + width * count, width))


def _sensitive(core: Bits, layout: _Layout, parts: list[str]) -> tuple[int, ...] | None:
    if layout.sensitive is None:
        return _many(core, layout.places.get("SensitiveDataProcessing"))
    return _many(Bits(parts[0]), layout.sensitive) if parts else None


def _gpc(parts: list[str]) -> bool | None:
    """The Global Privacy Control part: two bits of type, one bit of value. Other parts are not for us."""
    found = None
    for part in parts:
        bits = Bits(part)
        if bits.number(2) == _GPC:
            found = bits.flag() or bool(found)
    return found
