"""A person in Google's formats. Pure. Which parts of it are of any use, before the gate is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gatekeeper.fields import CATALOGUE
from gatekeeper.fields.accept import accept
from gatekeeper.model import Personal
from gatekeeper.vendors.dialect import Leaf, Path
from gatekeeper.vendors.google import conversion as google_conversion
from gatekeeper.vendors.kind import Destination

_PERSON: Final = frozenset({*google_conversion.HASHED, *google_conversion.CLEAR})
_ADDRESS: Final = _PERSON - frozenset(google_conversion.CONTACT)


def whole(leaves: Sequence[Leaf], to: Destination, *, addresses: bool = True) -> list[Leaf]:
    """The leaves, those of an address emptied unless all that Google matches it by is there, valid and allowed.

    `addresses`: whether one has a place there at all. An empty value is an invalid one to the gate, and in the audit.
    """
    parts: dict[Path, set[str]] = {}
    for leaf in leaves if addresses else ():
        if _key(leaf) in _ADDRESS:
            good, _ = accept({leaf.role: leaf.value}, CATALOGUE)
            usable = [key for key, one in good.items() if isinstance(one, Personal) and _taken(key, one)]
            parts.setdefault(_place(leaf.path), set()).update(usable)
    matched = {place for place, keys in parts.items() if keys & to.fields >= google_conversion.ADDRESS}
    return [
        leaf.but(value="") if _key(leaf) in _ADDRESS and _place(leaf.path) not in matched else leaf for leaf in leaves
    ]


def nobody(leaves: Sequence[Leaf]) -> list[Leaf]:
    """The leaves, those of a person emptied."""
    return [leaf.but(value="") if _key(leaf) in _PERSON else leaf for leaf in leaves]


def _key(leaf: Leaf) -> str:
    row = CATALOGUE.by_name.get(leaf.role)
    return "" if row is None else row.key


def _taken(key: str, value: Personal) -> bool:
    return google_conversion.personal(key, value) is not None


def _place(path: Path) -> Path:
    """The path down to its last list position: one person, one address."""
    last = max((n for n, step in enumerate(path) if isinstance(step, int)), default=-1)
    return path[: last + 1]
