"""JSON as leaves. Pure. A JSON value in, leaves by table out; leaves in, the same JSON without what is missing out.

A list's items share their list's name (`user_data.em`, not `user_data.em.0`), so one row serves a value and a list of
them. A row whose field is of type `items` takes the whole subtree.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gatekeeper.vendors.dialect import Leaf, Path
from gatekeeper.vendors.formats.table import Table


def flatten(value: object, table: Table, name: str = "", path: Path = ()) -> list[Leaf]:
    """Every scalar of `value` as a leaf; empty objects and lists are none."""
    found: list[Leaf] = []
    if isinstance(value, (dict, list)) and not (name and table.whole(name)):
        _flatten(value, table, name, path, found)
    else:
        found.append(table.leaf(name, value, path))
    return found


def _flatten(value: dict[str, Any] | list[Any], table: Table, name: str, path: Path, found: list[Leaf]) -> None:
    if isinstance(value, list):
        for n, inner in enumerate(value):
            if isinstance(inner, (dict, list)) and not (name and table.whole(name)):
                _flatten(inner, table, name, (*path, n), found)
            else:
                found.append(table.leaf(name, inner, (*path, n)))
        return
    below = name + "." if name else ""
    for key, inner in value.items():
        at = below + key
        if isinstance(inner, (dict, list)) and not (at and table.whole(at)):
            _flatten(inner, table, at, (*path, key), found)
        else:
            found.append(table.leaf(at, inner, (*path, key)))


def rebuild(leaves: Iterable[Leaf]) -> Any:
    """The JSON value that these leaves make up; lists close up over items that are missing. `{}` for no leaves."""
    root = _Node()
    node = root
    at: Path = ()
    for leaf in leaves:
        path = leaf.path
        if not path:
            continue
        if path[:-1] != at:  # neighbours mostly stand in one object
            at = path[:-1]
            node = root
            for step in at:
                inner = node.get(step)
                if inner is None:
                    inner = node[step] = _Node()
                    node.nodes.append(step)
                elif type(inner) is not _Node:
                    raise ValueError("a value stands where an object should")
                node = inner
        if type(node.get(path[-1])) is _Node:
            raise ValueError("an object stands where a value should")
        node[path[-1]] = leaf.value
    return _plain(root)


class _Node(dict[str | int, Any]):
    """An object or list in the making, and at which steps others are in it; other dicts and lists are values."""

    __slots__ = ("nodes",)

    def __init__(self) -> None:
        self.nodes: list[str | int] = []


def _plain(node: _Node) -> Any:
    for step in node.nodes:
        node[step] = _plain(node[step])
    if node and all(type(step) is int for step in node):
        return [node[step] for step in sorted(node)]
    return dict(node)
