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
        self._indexed: Collection[str] | None = None
        self._holding: Collection[str] = ()

    def may_hold(self, segment: Segment) -> bool:
        """Whether the lines of a segment have to be read for those of the request."""
        if self._indexed is None:
            self._indexed, self._holding = _look(self._folder, self._request_id)
        name = segment.path.name
        return name not in self._indexed or name in self._holding


def made(folders: Iterable[Path]) -> None:
    """Make the columns of some logs where they are not there. Raises AuditError."""
    try:
        for folder in folders:
            columns.make(folder)
    except ConfigError:  # without DuckDB segments are read
        return


def _look(folder: Path, request_id: str) -> tuple[Collection[str], Collection[str]]:
    """The names of the segments that have columns, and of those among them that hold the id."""
    try:
        import duckdb
    except ImportError:
        return (), ()
    there = columns.there(folder)
    try:
        found = columns.naming(there.values(), request_id, request_id + _AFTER)
    except duckdb.Error:  # another process has replaced one meanwhile, or it is not whole: the lines say it, too
        return (), ()
    return [path.name for path in there], [path.name for path, made in there.items() if made in found]
