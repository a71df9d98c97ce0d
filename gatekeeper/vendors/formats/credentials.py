"""Headers that belong to the vendor: tokens and account numbers. Pure. Headers in, leaves out.

A caller's own token is passed on unchanged; without one, the dialect adds the policy's. Neither is ever logged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gatekeeper.model import Call
from gatekeeper.vendors.dialect import SECRET, UNKNOWN, Leaf, Unreadable


@dataclass(frozen=True, slots=True)
class Credential:
    """A header of the vendor's: how it is written, what it may be, and its role (SECRET or PROTOCOL)."""

    title: str
    pattern: re.Pattern[str]
    role: str = SECRET


def authorization(scheme: str, text: str = r"[\x21-\x7e]{1,4096}") -> Credential:
    """An Authorization header of one of these schemes (`Bearer|OAuth`) and a token like `text`."""
    return Credential("Authorization", re.compile(f"(?:{scheme}) {text}", re.IGNORECASE))


BASIC: Final = authorization("Basic", r"[A-Za-z0-9+/]{1,200}={0,2}")


def read(call: Call, wanted: Iterable[Credential]) -> tuple[Leaf, ...]:
    """Each of them that came, as a leaf of what holds for the whole call. Raises Unreadable for one that came twice."""
    found = []
    for one in wanted:
        values = _values(call, one)
        if len(values) > 1:
            raise Unreadable(f"there is more than one {one.title}")
        for value in values:
            role = one.role if one.pattern.fullmatch(value) else UNKNOWN
            found.append(Leaf(f"header:{one.title}", role, value, ("header", one.title)))
    return tuple(found)


def read_valid(call: Call, wanted: Iterable[Credential]) -> tuple[Leaf, ...]:
    """Each of them that came once and is valid; an Authorization may be meant for a proxy in between."""
    return tuple(
        Leaf(f"header:{one.title}", one.role, values[0], ("header", one.title))
        for one in wanted
        if len(values := _values(call, one)) == 1 and one.pattern.fullmatch(values[0])
    )


def _values(call: Call, wanted: Credential) -> list[str]:
    name = wanted.title.lower().encode()
    return [value.decode("latin-1") for key, value in call.headers if key == name]


def came(leaves: Sequence[Leaf], title: str) -> bool:
    """Whether the caller sent one that goes on."""
    return any(leaf.path == ("header", title) and leaf.role != UNKNOWN for leaf in leaves)
