"""What of a call may be seen at its vendor, and what may not. Bytes, canaries and what was kept in; findings out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gatekeeper.fields import CATALOGUE, Field
from gatekeeper.vendors.dialect import NAME, PROTOCOL, Native
from tests.laws.calls import Canary, Seed, all_leaves, views
from tests.laws.encodings import needles


def encodings_found(haystacks: Iterable[bytes], value: str) -> tuple[set[str], set[str]]:
    """The encodings in which a value stands there: as itself, and as a hash."""
    clear: set[str] = set()
    hashed: set[str] = set()
    found = [(haystack, haystack.lower()) for haystack in haystacks]
    for name, needle in needles(value):
        exact = "base64" in name
        if any(needle in (haystack if exact else folded) for haystack, folded in found):
            (hashed if name.startswith(("sha", "md5")) else clear).add(name)
    return clear, hashed


def shows(row: Field, canary: Canary, seed: Seed) -> bool:
    """Whether a field that was kept may show somebody's name: texts and ids may, hashes and parameters may not."""
    if row.type == "url":
        return canary.way != "in an address"
    return row.hashed_as is None or row.key in seed.to.kind.clear


def stands_in(value: object, text: str) -> bool:
    """Whether a native value holds a text, however it is written."""
    return any(encodings_found(views(str(value).encode()), text))


def leaks(raw: bytes, native: Native, kept: set[str], seed: Seed, canaries: Sequence[Canary]) -> list[tuple]:
    """The canaries in the bytes sent that should not be there: kind, encodings, and where they were.

    `raw` is without the body's coding; `kept` are the catalogue's keys of the fields that were sent.
    """
    haystacks = views(raw)
    found = []
    for canary in canaries:
        clear, hashed = encodings_found(haystacks, canary.value)
        if not (clear or hashed):
            continue
        roles = {leaf.role for leaf in all_leaves(native) if stands_in(leaf.value, canary.value)}
        rows = [row for role in roles if (row := CATALOGUE.by_name.get(role)) is not None and row.key in kept]
        may_be_clear = (
            # An event, and an occurrence of it, may be called anything that reads like a name.
            (canary.kind == "name" and roles & {PROTOCOL, NAME, "event_id"})
            or (canary.kind == "name" and any(shows(row, canary, seed) for row in rows))
            or (canary.kind == "ip" and any(row.type == "ip" for row in rows))
        )
        if (clear and not may_be_clear) or (hashed and not rows):
            found.append((canary.kind, canary.way, canary.value, sorted(clear | hashed), sorted(roles)))
    return found
