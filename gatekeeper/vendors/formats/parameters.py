"""Queries and forms beside a JSON body. Pure. Each pair is a leaf `query.<name>` at ("query" or "form", n, name)."""

from __future__ import annotations

from collections.abc import Iterable

from gatekeeper.vendors.dialect import Leaf
from gatekeeper.vendors.formats import pairs
from gatekeeper.vendors.formats.table import Table


def read(text: str, table: Table, place: str, *, but: frozenset[str] = frozenset()) -> tuple[Leaf, ...]:
    """The pairs of a query or form without those named in `but`."""
    return tuple(
        table.leaf(f"query.{name}", value, (place, n, name))
        for n, (name, value) in enumerate(pairs.read_pairs(text))
        if name not in but
    )


def write(leaves: Iterable[Leaf], place: str) -> list[tuple[str, object]]:
    """The pairs that are left at a place, in their order."""
    return [(str(leaf.path[2]), leaf.value) for leaf in leaves if leaf.path[:1] == (place,)]
