"""JSON as leaves. Pure. A JSON value in, leaves by table out; leaves in, the same JSON without what is missing out.

A list's items share their list's name (`user_data.em`, not `user_data.em.0`), so one row serves a value and a list of
them. A row whose field is of type `items` takes the whole subtree.

Names are read once, values every time: what becomes of an object depends on its keys and on which of them hold objects,
and where leaves stand tells which objects they make up. Both are compiled, and remembered where the names may be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from gatekeeper.vendors.dialect import UNKNOWN, Leaf, Path
from gatekeeper.vendors.formats.table import Row, Table, is_known, matches

_HOLDER: Final = Row("", UNKNOWN, None, False)  # in the place of a value that is an object
_MOST: Final = 64  # keys of an object, entries of a list, and leaves of a tree, of which a program is remembered


class Place:
    """Where an object or a list stands, and by which table its values are read. Each is itself alone, and is a key."""

    __slots__ = ("name", "path", "table")

    def __init__(self, table: Table, name: str, path: Path) -> None:
        self.table = table
        self.name = name
        self.path = path


class _Shape(NamedTuple):
    """What becomes of the values of an object or list with these keys, in their order: leaves of these names and roles.

    `checked` are those whose value must match a pattern for its role, by number; `inside` says, for a shape that has
    some, which values are objects themselves and where: `None` for a leaf.
    """

    names: tuple[str, ...]
    roles: tuple[str, ...]
    paths: tuple[Path, ...]
    checked: tuple[tuple[int, re.Pattern[str]], ...]
    inside: tuple[Place | None, ...]


def flatten(value: object, table: Table, name: str = "", path: Path = ()) -> list[Leaf]:
    """Every scalar of `value` as a leaf; empty objects and lists are none."""
    found: list[Leaf] = []
    if isinstance(value, (dict, list)) and not (name and table.whole(name)):
        _flatten(value, _place(table, name, path), found)
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
    shape = place.table.shapes.get(key) or _compiled(value, place, key)
    names, roles, paths, checked, inside = shape
    made = list(map(Leaf, names, roles, rows, paths))
    for n, pattern in checked:
        leaf = made[n]
        if not matches(pattern, leaf.value, leaf.role):
            made[n] = Leaf(leaf.name, UNKNOWN, leaf.value, leaf.path)
    if not inside:
        found += made
        return
    for leaf, there in zip(made, inside, strict=True):
        if there is None:
            found.append(leaf)
        else:
            _flatten(leaf.value, there, found)  # type: ignore[arg-type]  # an object or list, as the key says


def _place(table: Table, name: str, path: Path) -> Place:
    """The one place that is remembered of a path."""
    known = table.places.get((name, path))
    if known is None:
        known = Place(table, name, path)
        if all(is_known(step, table.words) for step in path):
            table.places.keep((name, path), known)
    return known


def _compiled(value: dict[str, Any] | list[Any], place: Place, key: tuple[object, ...]) -> _Shape:
    """What becomes of the values of an object or list with these keys."""
    table, above, path = place.table, place.name, place.path
    rows: list[Row] = []
    inside: list[Place | None] = []
    steps: tuple[str | int, ...] = tuple(value) if isinstance(value, dict) else tuple(range(len(value)))
    for step, inner in zip(steps, value.values() if isinstance(value, dict) else value, strict=True):
        name = above if isinstance(step, int) else f"{above}.{step}" if above else step
        if isinstance(inner, (dict, list)) and not (name and table.whole(name)):
            inside.append(Place(table, name, (*path, step)))
            rows.append(_HOLDER)
        else:
            inside.append(None)
            rows.append(table.row(name))
    shape = _Shape(
        tuple([row.name for row in rows]),
        tuple([row.role for row in rows]),
        tuple([(*path, step) for step in steps]),
        tuple([(n, row.pattern) for n, row in enumerate(rows) if row.pattern is not None]),
        tuple(inside) if any(inside) else (),
    )
    if len(steps) <= _MOST and all(is_known(step, table.words) for step in (*path, *steps)):
        table.shapes.keep(key, shape)
    return shape


def rebuild(leaves: Iterable[Leaf], table: Table) -> Any:
    """The JSON value that these leaves make up; lists close up over items that are missing. `{}` for no leaves."""
    made = leaves if isinstance(leaves, (list, tuple)) else list(leaves)
    paths = tuple([leaf.path for leaf in made])
    values = [leaf.value for leaf in made]
    node = table.trees.get(paths) or _planted(paths, values, table)
    return _filled(node, values)


def below(leaves: Iterable[Leaf], step: str, table: Table, *without: str) -> Any:
    """What the leaves below a first step make up, those of some roles left out."""
    there = [leaf for leaf in leaves if leaf.path[:1] == (step,) and leaf.role not in without]
    return rebuild(there, table).get(step, {})


class _Node(NamedTuple):
    """An object or list: which value stands under which key, and which others are in it."""

    is_list: bool
    keys: tuple[str | int, ...]
    values: Callable[[Sequence[object]], Iterable[object]]  # of a key that holds an object or list, any
    nodes: tuple[tuple[str | int, _Node], ...]


def _filled(node: _Node, values: Sequence[object]) -> Any:
    is_list, keys, of, nodes = node
    made: Any = dict(zip(keys, of(values), strict=True))
    for step, inner in nodes:
        made[step] = _filled(inner, values)
    return list(made.values()) if is_list else made


class _Branch(dict[str | int, "int | _Branch"]):
    """A `_Node` in the making: the number of a value, or another one, by key."""


def _planted(paths: tuple[Path, ...], values: Sequence[object], table: Table) -> _Node:
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
    may_be_kept = may_be_kept and all(is_known(step, table.words) for path in paths for step in path)
    return table.trees.keep(paths, tree) if may_be_kept else tree


def _grown(branch: _Branch) -> _Node:
    is_list = bool(branch) and all(isinstance(step, int) for step in branch)
    rows = sorted(branch.items()) if is_list else list(branch.items())
    return _Node(
        is_list,
        tuple([step for step, _ in rows]),
        _picking([inner if isinstance(inner, int) else 0 for _, inner in rows]),
        tuple([(step, _grown(inner)) for step, inner in rows if isinstance(inner, _Branch)]),
    )


def _picking(numbers: Sequence[int]) -> Callable[[Sequence[object]], Iterable[object]]:
    """How the values with these numbers are picked out."""
    if len(numbers) > 1:
        return itemgetter(*numbers)
    return lambda values: [values[n] for n in numbers]
