"""JSON as leaves. Pure. A JSON value in, leaves by table out; leaves in, the same JSON without what is missing out.

A list's items share their list's name (`user_data.em`, not `user_data.em.0`), so one row serves a value and a list of
them. A row whose field is of type `items` takes the whole subtree.

Names are read once, values every time: what becomes of an object depends on its keys and on which of them hold objects,
and where leaves stand tells which objects they make up. Both are compiled, and remembered where the names may be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from gatekeeper.memory import Compiled
from gatekeeper.vendors.dialect import UNKNOWN, Leaf, Path
from gatekeeper.vendors.formats.table import Table, is_known, matches

TREES: Final[Compiled[tuple[Path, ...], _Node]] = Compiled()
_MOST: Final = 64  # keys of an object, entries of a list, and leaves of a tree, of which a program is remembered


class Place(NamedTuple):
    """Where an object or a list stands, and by which table its values are read."""

    table: Table
    name: str
    path: Path


class _Entry(NamedTuple):
    """What becomes of one value of an object: it is one itself, at `inside`, or a leaf of this name and role."""

    inside: Place | None
    name: str
    role: str
    pattern: re.Pattern[str] | None
    path: Path


def flatten(value: object, table: Table, name: str = "", path: Path = ()) -> list[Leaf]:
    """Every scalar of `value` as a leaf; empty objects and lists are none."""
    found: list[Leaf] = []
    if isinstance(value, (dict, list)) and not (name and table.whole(name)):
        _flatten(value, Place(table, name, path), found)
    else:
        found.append(table.leaf(name, value, path))
    return found


def _flatten(value: dict[str, Any] | list[Any], place: Place, found: list[Leaf]) -> None:
    key: tuple[object, ...]
    if isinstance(value, dict):
        rows: Iterable[Any] = value.values()
        key = (place, *value, *map(type, rows))
    else:
        rows = value
        key = (place, None, *map(type, rows))
    entries = place.table.shapes.get(key) or _compiled(value, place, key)
    for inner, (inside, name, role, pattern, path) in zip(rows, entries, strict=True):
        if inside is not None:
            _flatten(inner, inside, found)
        else:
            if pattern is not None and not matches(pattern, inner, role):
                role = UNKNOWN
            found.append(Leaf(name, role, inner, path))


def _compiled(value: dict[str, Any] | list[Any], place: Place, key: tuple[object, ...]) -> tuple[_Entry, ...]:
    """What becomes of the values of an object or list with these keys, in their order."""
    table, above, path = place
    entries = []
    may_be_kept = len(value) <= _MOST and all(map(is_known, path))
    for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
        name = above if isinstance(step, int) else f"{above}.{step}" if above else step
        at = (*path, step)
        if isinstance(inner, (dict, list)) and not (name and table.whole(name)):
            entries.append(_Entry(Place(table, name, at), "", "", None, ()))
        else:
            row = table.row(name)
            entries.append(_Entry(None, row.name, row.role, row.pattern, at))
        may_be_kept = may_be_kept and is_known(step)
    made = tuple(entries)
    return table.shapes.keep(key, made) if may_be_kept else made


def rebuild(leaves: Iterable[Leaf]) -> Any:
    """The JSON value that these leaves make up; lists close up over items that are missing. `{}` for no leaves."""
    made = leaves if isinstance(leaves, (list, tuple)) else list(leaves)
    paths = tuple([leaf.path for leaf in made])
    values = [leaf.value for leaf in made]
    node = TREES.get(paths) or _planted(paths, values)
    return _filled(node, values)


class _Node(NamedTuple):
    """An object or list: which value stands under which key, and which others are in it."""

    is_list: bool
    keys: tuple[str | int, ...]
    values: tuple[int, ...]  # by number; of a key that holds an object or list, any
    nodes: tuple[tuple[str | int, _Node], ...]


def _filled(node: _Node, values: Sequence[object]) -> Any:
    made: Any = dict(zip(node.keys, [values[n] for n in node.values], strict=True))
    for step, inner in node.nodes:
        made[step] = _filled(inner, values)
    return list(made.values()) if node.is_list else made


class _Branch(dict[str | int, "int | _Branch"]):
    """A `_Node` in the making: the number of a value, or another one, by key."""


def _planted(paths: tuple[Path, ...], values: Sequence[object]) -> _Node:
    """The tree of these paths. Raises ValueError where a value stands in the place of an object."""
    root = _Branch()
    may_be_kept = len(paths) <= _MOST
    for n, path in enumerate(paths):
        if not path:
            continue
        node = root
        for step in path[:-1]:
            inner = node.get(step)
            if isinstance(inner, int) and values[inner] is None:  # nothing stands there: that is not in the paths
                may_be_kept, inner = False, None
            if inner is None:
                inner = node[step] = _Branch()
            elif not isinstance(inner, _Branch):
                raise ValueError("a value stands where an object should")
            node = inner
        if isinstance(node.get(path[-1]), _Branch):
            raise ValueError("an object stands where a value should")
        node[path[-1]] = n
    tree = _grown(root)
    may_be_kept = may_be_kept and all(is_known(step) for path in paths for step in path)
    return TREES.keep(paths, tree) if may_be_kept else tree


def _grown(branch: _Branch) -> _Node:
    is_list = bool(branch) and all(isinstance(step, int) for step in branch)
    rows = sorted(branch.items()) if is_list else list(branch.items())
    return _Node(
        is_list,
        tuple([step for step, _ in rows]),
        tuple([inner if isinstance(inner, int) else 0 for _, inner in rows]),
        tuple([(step, _grown(inner)) for step, inner in rows if isinstance(inner, _Branch)]),
    )
