"""The parts that a format of calls is put together from: its route, its events, and what an event needs. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gatekeeper.vendors.dialect import FLAG, Element, Leaf, origin
from gatekeeper.vendors.formats import json_body, names, times
from gatekeeper.vendors.formats.usual import nothing
from gatekeeper.vendors.kind import Destination, Shaping

GET_OR_POST: Final = frozenset({"GET", "POST"})

Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """Which requests are in a format, and where they go.

    `at` is the vendor's own origin, which a policy's endpoint replaces; without it all go to the policy's endpoint. A
    group `account` of `paths` is the vendor account that a path names.
    """

    paths: re.Pattern[str]
    at: str = ""
    methods: frozenset[str] = frozenset({"POST"})

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is in the format, by method and path."""
        return method in self.methods and self.paths.fullmatch(path) is not None

    def account(self, path: str) -> str | None:
        """The account that the path names; `None` if it names none."""
        match = self.paths.fullmatch(path)
        return None if match is None else match.groupdict().get("account")

    def url(self, to: Destination, path: str, query: str = "") -> str:
        """The address of a request."""
        base = origin(to, self.at) if self.at else to.endpoint
        return f"{base}{path}?{query}" if query else f"{base}{path}"


def first_of(*own: str) -> Callable[[Sequence[Leaf]], str | None]:
    """For formats whose events have their name in one of these leaves."""

    def named(leaves: Sequence[Leaf]) -> str | None:
        return next((text for name in own if (text := json_body.text(leaves, name)) is not None), None)

    return named


@dataclass(frozen=True, slots=True)
class Naming:
    """What an event is called: `of` finds the vendor's own name, `canonical` has those that policies route by."""

    of: Callable[[Sequence[Leaf]], str | None] = nothing
    canonical: Mapping[str, str] = field(default_factory=dict)
    default: str = "unnamed"

    def event(self, leaves: Sequence[Leaf], stamp: str | None = None, flags: Given | None = None) -> Element:
        """The event of these leaves; `stamp` holds where it has none of its own."""
        name = self.of(leaves)
        own = json_body.stamp(leaves)
        return Element(
            self.canonical.get(name or "") or names.canonical(name, self.default),
            tuple(leaves),
            id=next((str(leaf.value) for leaf in leaves if leaf.role == "event_id"), None),
            time=times.seconds(next((leaf.value for leaf in leaves if leaf.role == "event_time"), None)),
            stamp=stamp if own is None else own,
            flags=flags or {},
        )


NAMELESS: Final = Naming()


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be left of an event for the vendor to take it.

    Of each entry of `all_of` one name, and one of the groups of `any_of` as a whole. A name ending in a dot stands for
    all names below it. `more` says what else is missing.
    """

    all_of: tuple[str | tuple[str, ...], ...] = ()
    any_of: tuple[tuple[str, ...], ...] = ()
    more: Callable[[Sequence[Leaf], Shaping], str | None] = nothing

    def missing(self, leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
        """In a few words what is missing; `None` if nothing is."""
        if self.all_of or self.any_of:
            left = {leaf.name for leaf in leaves}
            if not left.issuperset(self.all_of):
                groups = [(entry,) if isinstance(entry, str) else entry for entry in self.all_of]
                missing = [group for group in groups if not any(_is_left(name, left) for name in group)]
                if missing:
                    return ", ".join(" or ".join(group) for group in missing) + " missing"
            if self.any_of and not any(left.issuperset(group) for group in self.any_of):
                return "nothing is left to match it by"
        return self.more(leaves, shaping)


def _is_left(name: str, left: set[str]) -> bool:
    return name in left or (name[-1] == "." and any(other.startswith(name) for other in left))


def given(leaves: Sequence[Leaf]) -> Given:
    """The consent flags of an event, by the last part of their names; of several the last."""
    return {leaf.name.rpartition(".")[2]: leaf.value for leaf in leaves if leaf.role == FLAG}
