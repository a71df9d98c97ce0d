"""In which line of a TOML file each key stands. Pure. The file's text in, line numbers by dotted key out.

Python's TOML parser tells no positions. So the file is given to it statement by statement: lines are added until what
was collected can be parsed alone, and what it parses to says which keys it sets.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping


def lines(text: str) -> dict[str, int]:
    """`server.port` -> 12, counted from one; elements of arrays of tables have their number (`tests.0.name`)."""
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    table, statement, begun = "", "", 0
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        begun = begun if statement else number
        statement += line
        try:
            set_by_it = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue  # a text or a list goes on in the next line
        if statement.lstrip().startswith("["):
            table = ".".join(_header(set_by_it, counts))
            found.setdefault(table, begun)
        else:
            for key in _keys(set_by_it, table):
                found.setdefault(key, begun)
        statement = ""
    return found


def line_of(key: str, found: Mapping[str, int]) -> int | None:
    """The line of a key, or of the nearest table that stands around it."""
    while key not in found and "." in key:
        key = key.rpartition(".")[0]
    return found.get(key)


def _header(tables: Mapping[str, object], counts: dict[str, int]) -> Iterator[str]:
    """The names in `[a.b]` or `[[a.b]]`; each `[[…]]` is numbered."""
    path, level = "", tables
    while level:
        ((name, inner),) = level.items()
        path += f".{name}" if path else name
        yield name
        if isinstance(inner, list):
            counts[path] = counts.get(path, -1) + 1
            yield str(counts[path])
            return
        if path in counts:
            yield str(counts[path])  # `[tests.event]` belongs to the last `[[tests]]`
        level = inner if isinstance(inner, dict) else {}


def _keys(values: Mapping[str, object], table: str) -> Iterator[str]:
    for name, value in values.items():
        key = f"{table}.{name}" if table else name
        yield key
        if isinstance(value, dict):
            yield from _keys(value, key)
