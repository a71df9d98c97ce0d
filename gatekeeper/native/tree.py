"""JSON as leaves. Pure. A JSON value in, leaves by table out; leaves in, the same JSON without what is missing out.

A list's items share their list's name (`user_data.em`, not `user_data.em.0`), so one row serves a value and a list of
them. A row whose field is of type `items` takes the whole subtree.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gatekeeper.fields import CATALOGUE
from gatekeeper.native.dialect import Leaf, Path
from gatekeeper.native.table import Table

_WHOLE = frozenset(row.key for row in CATALOGUE.by_key.values() if row.type in ("items", "texts"))


def flatten(value: object, table: Table, name: str = "", path: Path = ()) -> list[Leaf]:
    """Every scalar of `value` as a leaf; empty objects and lists are none."""
    found: list[Leaf] = []
    _flatten(value, table, name, path, found)
    return found


def _flatten(value: object, table: Table, name: str, path: Path, found: list[Leaf]) -> None:
    if not isinstance(value, (dict, list)) or (name and table.role(name) in _WHOLE):
        found.append(table.leaf(name, value, path))
    elif isinstance(value, dict):
        for key, inner in value.items():
            _flatten(inner, table, f"{name}.{key}" if name else key, (*path, key), found)
    else:
        for n, inner in enumerate(value):
            _flatten(inner, table, name, (*path, n), found)


def rebuild(leaves: Iterable[Leaf]) -> Any:
    """The JSON value that these leaves make up; lists close up over items that are missing. `{}` for no leaves."""
    root = _Node()
    for leaf in leaves:
        node = root
        path = leaf.path
        for step in path[:-1]:
            inner = node.get(step)
            if inner is None:
                inner = node[step] = _Node()
            elif type(inner) is not _Node:
                raise ValueError("a value stands where an object should")
            node = inner
        if path:
            node[path[-1]] = leaf.value
    return _plain(root)


class _Node(dict[str | int, Any]):
    """An object or list in the making; values that are dicts and lists themselves are none."""


def _plain(node: _Node) -> Any:
    if node and all(isinstance(step, int) for step in node):
        return [_plain(inner) if type(inner := node[step]) is _Node else inner for step in sorted(node)]
    return {step: _plain(inner) if type(inner) is _Node else inner for step, inner in node.items()}
