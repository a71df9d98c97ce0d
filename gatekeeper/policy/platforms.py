"""The tables of consent platforms, `[consent.<platform>]`, compiled. Pure.

    C0004 = "marketing"                      a category and its purpose
    google-analytics = "ga4"                 a single service and the destination it stands for
    ga = ["analytics", "ga4", "ga4_app"]     both at once, and several destinations

A purpose wins over a destination of the same name. What platforms usually call the service behind a kind of
destination is in `services.toml`, and needs no table.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Mapping
from importlib.resources import files
from typing import NamedTuple

from gatekeeper.model import Purpose

USUAL_NAMES: Mapping[str, tuple[str, ...]] = {
    kind: tuple(names)
    for kind, names in tomllib.loads((files(__package__) / "services.toml").read_text("utf-8")).items()
}
"""Kind of a destination -> what consent platforms call its service."""

_PURPOSES = tuple(Purpose)


class Tables(NamedTuple):
    """Platform -> category -> purpose; platform -> service -> destinations; and a sentence for each fault."""

    categories: dict[str, dict[str, Purpose]]
    services: dict[str, dict[str, list[str]]]
    faults: list[str]


def compiled(tables: Mapping[str, Mapping[str, list[str]]], destinations: Collection[str]) -> Tables:
    """The purposes and the destinations in the tables; `destinations` are the names that the policy has."""
    found = Tables({}, {}, [])
    for platform, table in tables.items():
        found.categories[platform] = {}
        for name, words in table.items():
            where = f"consent.{platform}.{name}"
            purposes = [word for word in words if word in _PURPOSES]
            to = [word for word in words if word in destinations and word not in _PURPOSES]
            found.faults.extend(_unknown(where, word, destinations) for word in words if word not in [*purposes, *to])
            if len(purposes) > 1:
                found.faults.append(f"{where}: more than one purpose; a category has one")
            if purposes:
                found.categories[platform][name] = Purpose(purposes[0])
            if to:
                found.services.setdefault(platform, {})[name] = to
    return found


def usual_services(kinds: Mapping[str, str]) -> dict[str, list[str]]:
    """The usual names of services and the destinations they stand for. `kinds`: destination -> its kind."""
    services: dict[str, list[str]] = {}
    for destination, kind in kinds.items():
        for name in USUAL_NAMES.get(kind, ()):
            services.setdefault(name, []).append(destination)
    return services


def _unknown(where: str, word: str, destinations: Collection[str]) -> str:
    near = difflib.get_close_matches(word, [*_PURPOSES, *destinations], 1)
    hint = f'did you mean "{near[0]}"?' if near else "use necessary, analytics, marketing, or the name of a destination"
    return f'{where}: "{word}" is neither a purpose nor a destination; {hint}'
