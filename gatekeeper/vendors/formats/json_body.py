"""JSON bodies of calls. Pure. Bytes in, an object or its leaves out; strict, as for events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gatekeeper.errors import EventError
from gatekeeper.fields.strict import strict_json
from gatekeeper.vendors.dialect import STAMP, Leaf, Unreadable
from gatekeeper.vendors.formats import tree
from gatekeeper.vendors.formats.table import Table

MAX_ELEMENTS = 5_000


def read(body: bytes) -> Any:
    """The JSON value. Raises Unreadable for what two parsers could read differently (duplicate keys, NaN, depth)."""
    try:
        return strict_json(body)
    except EventError as error:
        raise Unreadable(error.title) from None


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object. Raises Unreadable for anything else."""
    value = read(body)
    if not isinstance(value, dict):
        raise Unreadable("the body is not a JSON object")
    return value


def split(data: dict[str, Any], key: str, table: Table) -> tuple[tuple[Leaf, ...], list[tuple[Leaf, ...]]]:
    """The leaves of everything but `key`, and the leaves of each object in the list at `key`."""
    shared = tuple(tree.flatten({name: value for name, value in data.items() if name != key}, table))
    rows = objects(data.get(key, []), key)
    return shared, [tuple(tree.flatten(one, table, key)) for one in rows]


def objects(rows: object, name: str) -> list[dict[str, Any]]:
    """A list of objects, `MAX_ELEMENTS` at most. Raises Unreadable for anything else; `name` is what it is called."""
    if not isinstance(rows, list) or any(not isinstance(one, dict) for one in rows):
        raise Unreadable(f"{name} is not a list of objects")
    if len(rows) > MAX_ELEMENTS:
        raise Unreadable(f"{name} has too many entries")
    return rows


def text(leaves: Iterable[Leaf], name: str) -> str | None:
    """The value of the first leaf of a name, as text."""
    for leaf in leaves:
        if leaf.name == name and leaf.value is not None:
            return str(leaf.value)
    return None


def stamp(leaves: Sequence[Leaf]) -> str | None:
    """The context token an app put on an element; one that is no text is no valid one either."""
    for leaf in leaves:
        if leaf.role == STAMP:
            return str(leaf.value)
    return None
