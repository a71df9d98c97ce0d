"""Tables of native parameters. Pure. `<dialect>.toml` in, a look-up from native name to role out.

A row is `native.name = "role"`: a catalogue field, `protocol`, `flag` or `secret`. A name may end in `*`: the longest
such row wins where no exact one is there. `"by name"` is the role of places for values of the site's own naming
(`ep.*`, `properties.*`): the rest of the name is looked up in the catalogue, so a policy's own `[fields.*]` get
through. `"protocol: <regex>"` says exactly what the value may be; anything else is stripped, so that mechanics carry
no secrets; `"flag: <regex>"` does the same for a consent flag that is passed on as it came. `"event name"` is protocol,
too: a value that reads like the name of an event.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Final

from gatekeeper.fields import CATALOGUE
from gatekeeper.native import names
from gatekeeper.native.dialect import FLAG, PROTOCOL, SECRET, STAMP, STAMP_KEYS, UNKNOWN, Leaf, Path

BY_NAME: Final = "by name"
EVENT_NAME: Final = "event name"
_ROLES: Final = frozenset({PROTOCOL, FLAG, SECRET, BY_NAME, EVENT_NAME, "ignored"})
_PATTERNS: Final = {"protocol: ": PROTOCOL, "flag: ": FLAG}
# What a mechanical value may look like: short, and nothing in it that could be an address or a text.
_MECHANICAL: Final = re.compile(r"[A-Za-z0-9_.,:;/+|~*()\[\]=-]{0,128}")
# What a vendor's key or token may look like: no e-mail address and no text.
_KEY: Final = re.compile(r"[A-Za-z0-9_.:|=+/~-]{1,1024}")


class Table:
    """Native name -> role, compiled once."""

    __slots__ = ("_exact", "_patterns", "_prefixes")

    def __init__(self, rows: Mapping[str, str]) -> None:
        self._patterns = {
            name: re.compile(role[len(start) :])
            for name, role in rows.items()
            for start in _PATTERNS
            if role.startswith(start)
        }
        rows = {
            name: next((plain for start, plain in _PATTERNS.items() if role.startswith(start)), role)
            for name, role in rows.items()
        }
        self._patterns |= {name: names.NAME for name, role in rows.items() if role == EVENT_NAME}
        rows = {name: PROTOCOL if role == EVENT_NAME else role for name, role in rows.items()}
        self._exact = {name: role for name, role in rows.items() if not name.endswith("*")}
        self._prefixes = tuple(
            sorted(((name[:-1], role) for name, role in rows.items() if name.endswith("*")), key=lambda r: -len(r[0]))
        )

    def role(self, name: str) -> str:
        """The role of a native name; UNKNOWN where no row is there."""
        found = self._exact.get(name)
        if found is not None:
            return found
        if "gatekeeper_context" in name and not STAMP_KEYS.isdisjoint(name.split(".")):
            return STAMP
        for prefix, role in self._prefixes:
            if name.startswith(prefix):
                return name[len(prefix) :] if role == BY_NAME else role
        return UNKNOWN

    def leaf(self, name: str, value: object, path: Path) -> Leaf:
        """A leaf with its role; a value that cannot pass as mechanics, or as a key, has none."""
        role = self.role(name)
        if (role == PROTOCOL or name in self._patterns) and not self._mechanical(name, value):
            role = UNKNOWN
        if role == SECRET and not (isinstance(value, str) and _KEY.fullmatch(value)):
            role = UNKNOWN
        return Leaf(name, role, value, path)

    def _mechanical(self, name: str, value: object) -> bool:
        if value is None or isinstance(value, bool):
            return True
        pattern = self._patterns.get(name, _MECHANICAL)
        return isinstance(value, (str, int, float)) and pattern.fullmatch(str(value)) is not None


def load(file: str, below: Mapping[str, tuple[str, ...]] | None = None) -> Table:
    """A table of this folder. Raises ValueError for a role that is neither a catalogue field nor one of ours.

    `below`: rows whose name begins so hold as well with each of these in front, for objects that have several places.
    """
    text = resources.files(__package__).joinpath(file).read_text("utf-8")
    rows = {name: role for section in tomllib.loads(text).values() for name, role in section.items()}
    for start, places in (below or {}).items():
        rows |= {place + name: role for name, role in rows.items() if name.startswith(start) for place in places}
    for name, role in rows.items():
        if role not in _ROLES and role not in CATALOGUE.by_name and not role.startswith(tuple(_PATTERNS)):
            raise ValueError(f"{file}: {name}: {role} is neither a field of the catalogue nor a role")
    return Table({name: UNKNOWN if role == "ignored" else role for name, role in rows.items()})


def fields(leaves: Iterable[Leaf]) -> frozenset[str]:
    """The catalogue keys (`email_hash`, never `email`) of the leaves that hold a field."""
    return frozenset(row.key for leaf in leaves if (row := CATALOGUE.by_name.get(leaf.role)) is not None)
