"""Which closed segments hold lines of a request, by the columns that were made of them: those need not be read.

Reads only. A request's id in, a test of segments out. A segment without columns may hold it, and so may every segment
where DuckDB is not installed. The index makes no columns; `made` does, for callers that wait for them anyway.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from gatekeeper.audit import columns
from gatekeeper.audit.segments import Segment
from gatekeeper.errors import ConfigError

_AFTER: Final = "/"  # the character that follows the point, which stands between an id and the number of an element


class Index:
    """The index of one machine's log for one id; nothing is read before the first question."""

    def __init__(self, folder: Path, request_id: str) -> None:
        self._folder, self._request_id = folder, request_id
        self._found: dict[bool, tuple[Collection[str], Collection[str]]] = {}  # late or not -> indexed, and holding

    def may_hold(self, segment: Segment, *, decision: bool) -> bool:
        """Whether the lines of a segment have to be read: for outcomes, and for the `decision` if it is looked for."""
        return any(self._may(segment.path.name, late=late) for late in ((True, False) if decision else (True,)))

    def _may(self, name: str, *, late: bool) -> bool:
        if late not in self._found:
            self._found[late] = _look(self._folder, self._request_id, late=late)
        indexed, holding = self._found[late]
        return name not in indexed or name in holding


def made(folders: Iterable[Path]) -> None:
    """Make the columns of some logs where they are not there. Raises AuditError."""
    try:
        for folder in folders:
            columns.make(folder)
    except ConfigError:  # without DuckDB segments are read
        return


def _look(folder: Path, request_id: str, *, late: bool) -> tuple[Collection[str], Collection[str]]:
    """The names of the segments that have columns, and of those among them that hold the id."""
    try:
        import duckdb
    except ImportError:
        return (), ()
    there = columns.there(folder)
    try:
        found = columns.naming(there.values(), request_id, request_id + _AFTER, late=late)
    except duckdb.Error:  # another process has replaced one meanwhile, or it is not whole: the lines say it, too
        return (), ()
    return [path.name for path in there], [path.name for path, made in there.items() if made in found]
