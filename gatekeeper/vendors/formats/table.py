"""Tables of native parameters. Pure. `<dialect>.toml` in, a look-up from native name to role out.

A row is `native.name = "role"`: a catalogue field, `protocol`, `flag` or `secret`. A name may end in `*`: the longest
such row wins where no exact one is there. `"by name"` is the role of places for values of the site's own naming
(`ep.*`, `properties.*`): the rest of the name is looked up in the catalogue, so a policy's own `[fields.*]` get
through. `"protocol: <regex>"` says exactly what the value may be; anything else is stripped, so that mechanics carry
no secrets; `"flag: <regex>"` does the same for a consent flag that is passed on as it came. `"event name"` is what the
event is called, `"word"` any other name that a site gives things: of any script and punctuation. A row `"by name"`
without a `*` is a property of the site's own that is called as the last part of its name.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from importlib import resources
from typing import Any, Final, NamedTuple

from gatekeeper.fields import CATALOGUE
from gatekeeper.memory import Compiled
from gatekeeper.vendors.dialect import FLAG, NAME, PROTOCOL, SECRET, STAMP, STAMP_KEYS, UNKNOWN, Leaf, Path
from gatekeeper.vendors.formats import names

BY_NAME: Final = "by name"
EVENT_NAME: Final = "event name"
WORD: Final = "word"
_ROLES: Final = frozenset({PROTOCOL, FLAG, SECRET, BY_NAME, EVENT_NAME, WORD, "ignored"})
_PLAIN: Final = {EVENT_NAME: NAME, WORD: PROTOCOL}
_PATTERNS: Final = {"protocol: ": PROTOCOL, "flag: ": FLAG}
# What a mechanical value may look like: short, and nothing in it that could be an address or a text.
_MECHANICAL: Final = re.compile(r"[A-Za-z0-9_.,:;/+|~*()\[\]=-]{0,128}")
# What a vendor's key or token may look like: no e-mail address and no text.
_KEY: Final = re.compile(r"[A-Za-z0-9_.:|=+/~-]{1,1024}")
_WHOLE: Final = frozenset(row.key for row in CATALOGUE.by_key.values() if row.type in ("items", "texts"))
_OURS: Final = _ROLES | {NAME, STAMP}
_FURTHEST: Final = 32  # entries of a list of which programs are remembered, each


def is_known(step: str | int, words: Collection[str]) -> bool:
    """Whether a key, or a number in a list, may be remembered: it is one of these words, or a program made it."""
    return step in words or (names.is_key(step) if isinstance(step, str) else step < _FURTHEST)


def may_be_kept(name: str, words: Collection[str]) -> bool:
    """Whether a native name may be remembered: all of its parts are known."""
    return all(is_known(step, words) for step in name.split("."))


class Row(NamedTuple):
    """What is known of a native name. A value that does not match `pattern` has no role.

    `name` is the name itself: one object for all leaves of that name, quick to compare.
    """

    name: str
    role: str
    pattern: re.Pattern[str] | None
    whole: bool  # the field takes a list or an object as it is


class Table:
    """Native name -> role, compiled once; names are remembered as they come. `exact` has the rows without a `*`.

    `words` are what its names are made of. `places`, `shapes` and `trees` are the memory of `tree`: what becomes of an
    object with these keys, by its place, and what paths make up.
    """

    __slots__ = ("_patterns", "_prefixes", "exact", "places", "rows", "shapes", "trees", "words")

    def __init__(self, rows: Mapping[str, str]) -> None:
        self.words = frozenset(word for name in rows for word in name.split("."))
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
        self._patterns |= {name: names.NAME for name, role in rows.items() if role == WORD}
        rows = {name: _PLAIN.get(role, role) for name, role in rows.items()}
        self.exact = {name: role for name, role in rows.items() if not name.endswith("*")}
        self._prefixes = tuple(
            sorted(((name[:-1], role) for name, role in rows.items() if name.endswith("*")), key=lambda r: -len(r[0]))
        )
        self.rows: Compiled[str, Row] = Compiled()
        self.places: Compiled[tuple[str, Path], Any] = Compiled()
        self.shapes: Compiled[tuple[object, ...], Any] = Compiled()
        self.trees: Compiled[tuple[Path, ...], Any] = Compiled()

    def role(self, name: str) -> str:
        """The role of a native name; UNKNOWN where no row is there."""
        return self.row(name).role

    def whole(self, name: str) -> bool:
        """Whether a list or an object of this name is one leaf."""
        return self.row(name).whole

    def leaf(self, name: str, value: object, path: Path) -> Leaf:
        """A leaf with its role; a value that cannot pass as mechanics, or as a key, has none."""
        row = self.rows.get(name) or self.row(name)
        role, pattern = row.role, row.pattern
        if pattern is not None and not matches(pattern, value, role):
            role = UNKNOWN
        return Leaf(row.name, role, value, path)

    def row(self, name: str) -> Row:
        """What is known of a native name."""
        known = self.rows.get(name)
        if known is None:
            role = self._found(name)
            pattern = _KEY if role == SECRET else self._patterns.get(name, _MECHANICAL if role == PROTOCOL else None)
            known = Row(name, role, pattern, role in _WHOLE)
            if may_be_kept(name, self.words):
                self.rows.keep(name, known)
        return known

    def _found(self, name: str) -> str:
        found = self.exact.get(name)
        if found is not None:
            return _own(name.rpartition(".")[2]) if found == BY_NAME else found
        if "gatekeeper_context" in name and not STAMP_KEYS.isdisjoint(name.split(".")):
            return STAMP
        for prefix, role in self._prefixes:
            if name.startswith(prefix):
                return _own(name[len(prefix) :]) if role == BY_NAME else role
        return UNKNOWN


def _own(name: str) -> str:
    """The role of a site's own property: a site may call one `flag` or `secret`, too."""
    return UNKNOWN if name in _OURS else name


def matches(pattern: re.Pattern[str], value: object, role: str) -> bool:
    """Whether a value may have a role that has a pattern."""
    if role == SECRET:
        return isinstance(value, str) and pattern.fullmatch(value) is not None
    if value is None or isinstance(value, bool):
        return True
    return isinstance(value, (str, int, float)) and pattern.fullmatch(str(value)) is not None


def load(package: str, file: str, below: Mapping[str, tuple[str, ...]] | None = None) -> Table:
    """A table of a package, such as `load(__package__, "pinterest.toml")`.

    Raises ValueError for a role that is neither a catalogue field nor one of ours.
    `below`: rows whose name begins so hold as well with each of these in front, for objects that have several places.
    """
    text = resources.files(package).joinpath(file).read_text("utf-8")
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
