"""An event of the visitor, in canonical fields. Nouns: frozen, typed, no logic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, final

import msgspec
from msgspec import Struct

from gatekeeper.model.consent import Purpose

EVENT_KEYS: Final = frozenset(
    {"event", "consent", "data", "event_id", "event_time", "purposes", "subject", "place", "flags", "held"}
)
"""The keys that an event may have as it is posted (docs/policy.md, "The event")."""


class Discreet(Struct, frozen=True):
    """A noun whose `repr` leaves the fields in `hidden` out: a traceback must not show what a visitor sent."""

    hidden: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in self.hidden
        )
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> Any:
        return ((name, getattr(self, name)) for name in self.__struct_fields__ if name not in self.hidden)


@final
class Personal(Discreet, frozen=True):
    """A personal value on its way in: raw (to be normalised and hashed per vendor) or hashed already.

    Destinations ask `type(value) is Personal`, which takes a quarter of `isinstance`'s time.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"value"})

    value: str
    hashed: bool

    def __repr__(self) -> str:
        """Never show the value: a traceback must not leak it."""
        return f"Personal(<hidden>, hashed={self.hashed})"


class Event(Discreet, frozen=True):
    """A canonical event. `data` maps catalogue names to values; personal ones are `Personal`.

    `unusable` are names that came in but cannot be used, with the cause (`invalid`: wrong type;
    `unknown_field`: not in the catalogue); their values are already gone. `names` are the names of both in
    their order of arrival. `offered` are values the shell knows from the connection (ip, user_agent):
    sent where allowed, but never reported as stripped, because the sender did not send them.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"data", "offered"})

    name: str
    id: str
    time: float  # Unix seconds
    data: Mapping[str, object]
    purposes: frozenset[Purpose] = frozenset(Purpose)
    offered: Mapping[str, object] = msgspec.field(default_factory=dict)
    unusable: Mapping[str, str] = msgspec.field(default_factory=dict)
    names: tuple[str, ...] = ()
