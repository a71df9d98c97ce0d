"""The field catalogue: which fields exist, which purposes cover each, and what a value must look like.

`CATALOGUE` is the shipped one (catalogue.toml); a policy's `[fields.*]` tables add to it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from gatekeeper.model import Purpose

IDENTIFIERS = (
    "user_id", "client_id", "email", "phone", "external_id", "session_id", "cart_id", "order_id", "browser_id",
    "click_id",
)  # fmt: skip
"""What a field may identify a person as; `gatekeeper/audit/subjects.py` says how each is written."""
TYPES = ("url", "text", "texts", "id", "number", "currency", "items", "ip", "time", "personal")

_BREAKS = re.compile(r"[ /,_();:+-]+")  # between the words of a value


@dataclass(frozen=True, slots=True)
class Field:
    """One row of the catalogue; the meaning of each column is written at the top of catalogue.toml."""

    name: str
    purposes: frozenset[Purpose]
    type: str
    personal: str = "none"
    max_length: int = 512
    transform: str = "none"
    contextual: bool = False
    hashed_as: str | None = None
    identifies: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    format: str | None = None
    words: Collection[str] = ()
    range: Sequence[float] | None = None
    description: str = ""
    key: str = field(init=False)  # what it goes by inside the gate and in the audit: `hashed_as` where there is one
    pattern: re.Pattern[str] | None = field(init=False)  # `format`, compiled
    limited: bool = field(init=False)  # whether a value of its type may still not fit

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.hashed_as or self.name)
        object.__setattr__(self, "pattern", None if self.format is None else re.compile(self.format))
        object.__setattr__(self, "words", frozenset(self.words))
        object.__setattr__(self, "limited", self.format is not None or self.range is not None)

    def fits(self, value: object) -> bool:
        """Whether a clean value has the field's format, each of them if it is several, and is in its range."""
        if isinstance(value, tuple):
            return all(map(self.fits, value))
        if self.pattern is not None and isinstance(value, str):
            parts = [part for part in _BREAKS.split(value) if part] if self.words else [value]
            if any(part.lower() not in self.words and self.pattern.fullmatch(part) is None for part in parts):
                return False
        return self.range is None or not isinstance(value, (int, float)) or self.range[0] <= value <= self.range[1]


class Catalogue:
    """All fields a policy knows, by every name they may come in under.

    `scrubbed` maps those whose values are searched for personal shapes, by key, to their rows; `urls` are the keys of
    those that hold an address, `personal` of those that are hashed; `identifying` maps those that lead to a person, by
    key, to what they identify them as. `secret_paths` are a policy's own words of paths that a secret follows.
    """

    __slots__ = ("by_key", "by_name", "identifying", "personal", "phone_region", "scrubbed", "secret_paths", "urls")

    def __init__(
        self, rows: Iterable[Field], phone_region: str | None = None, secret_paths: frozenset[str] = frozenset()
    ) -> None:
        self.phone_region = phone_region
        self.secret_paths = secret_paths
        self.by_name: dict[str, Field] = {}
        self.by_key: dict[str, Field] = {}
        for row in rows:
            self.by_name[row.name] = row
            self.by_name[row.key] = row
            self.by_key[row.key] = row
        self.scrubbed = {key: row for key, row in self.by_key.items() if row.transform not in ("none", "hash")}
        self.identifying = {key: row.identifies for key, row in self.by_key.items() if row.identifies is not None}
        self.personal = frozenset(key for key, row in self.by_key.items() if row.hashed_as is not None)
        self.urls = frozenset(key for key, row in self.by_key.items() if row.type == "url")

    def extended(
        self, rows: Iterable[Field], phone_region: str | None = None, secret_paths: frozenset[str] = frozenset()
    ) -> Catalogue:
        """This catalogue with a policy's own fields, its country of phone numbers without country code, and the words
        of paths behind which it has secrets."""
        return Catalogue([*self.by_key.values(), *rows], phone_region, secret_paths)


def row(name: str, columns: Mapping[str, Any]) -> Field:
    """A `Field` from one TOML table whose purposes and type were checked."""
    purposes = frozenset(Purpose(purpose) for purpose in columns["purposes"])
    return Field(name=name, **{**columns, "purposes": purposes})


def _shipped() -> Catalogue:
    text = resources.files(__name__).joinpath("catalogue.toml").read_text("utf-8")
    return Catalogue(row(name, columns) for name, columns in tomllib.loads(text).items())


CATALOGUE = _shipped()
