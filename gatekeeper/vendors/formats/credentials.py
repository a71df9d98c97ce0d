"""Headers that belong to the vendor: tokens and account numbers. Pure. Headers in, leaves out.

A caller's own token goes on as it came; where there is none, the dialect puts in the policy's. Neither is ever logged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gatekeeper.model import Call
from gatekeeper.vendors.dialect import SECRET, UNKNOWN, Leaf, Unreadable


@dataclass(frozen=True, slots=True)
class Credential:
    """A header of the vendor's: how it is written, what it may be, and its role (SECRET or PROTOCOL)."""

    title: str
    pattern: re.Pattern[str]
    role: str = SECRET


def read(call: Call, wanted: Iterable[Credential]) -> tuple[Leaf, ...]:
    """Each of them that came, as a leaf of what holds for the whole call. Raises Unreadable for one that came twice."""
    found = []
    for one in wanted:
        values = [value.decode("latin-1") for name, value in call.headers if name == one.title.lower().encode()]
        if len(values) > 1:
            raise Unreadable(f"there is more than one {one.title}")
        for value in values:
            role = one.role if one.pattern.fullmatch(value) else UNKNOWN
            found.append(Leaf(f"header:{one.title}", role, value, ("header", one.title)))
    return tuple(found)


def came(leaves: Sequence[Leaf], title: str) -> bool:
    """Whether the caller sent one that goes on."""
    return any(leaf.path == ("header", title) and leaf.role != UNKNOWN for leaf in leaves)
