"""JSON as leaves. Pure. A JSON value in, leaves by table out; leaves in, the same JSON without what is missing out.

A list's items share their list's name (`user_data.em`, not `user_data.em.0`), so one row serves a value and a list of
them. A row whose field is of type `items` takes the whole subtree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gatekeeper.fields import CATALOGUE
from gatekeeper.native.dialect import Leaf, Path
from gatekeeper.native.table import Table

_WHOLE = frozenset(row.key for row in CATALOGUE.by_key.values() if row.type in ("items", "texts"))


def flatten(value: object, table: Table, name: str = "", path: Path = ()) -> Iterator[Leaf]:
    """Every scalar of `value` as a leaf; empty objects and lists are none."""
    role = table.role(name) if name else ""
    if role in _WHOLE or not isinstance(value, (dict, list)):
        yield table.leaf(name, value, path)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(inner, table, f"{name}.{key}" if name else key, (*path, key))
    else:
        for n, inner in enumerate(value):
            yield from flatten(inner, table, name, (*path, n))


def rebuild(leaves: Iterable[Leaf]) -> Any:
    """The JSON value that these leaves make up; lists close up over items that are missing. `{}` for no leaves."""
    root: dict[str | int, Any] = {}
    for leaf in leaves:
        node = root
        for step in leaf.path[:-1]:
            node = node.setdefault(step, {})
        if leaf.path:
            node[leaf.path[-1]] = _Whole(leaf.value)
    return _plain(root)


class _Whole:
    """A finished value: its own dicts and lists are not nodes of the tree."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


def _plain(node: Any) -> Any:
    if isinstance(node, _Whole):
        return node.value
    if node and all(isinstance(step, int) for step in node):
        return [_plain(node[step]) for step in sorted(node)]
    return {step: _plain(inner) for step, inner in node.items()}
