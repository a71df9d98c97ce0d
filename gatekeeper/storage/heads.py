"""The ends of the audit log's streams, in the database: a log whose tail was cut off is noticed on the machine itself.

A connection of its own for each use: it is used once a minute, by the thread that compresses segments.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import apsw

from gatekeeper.audit.segments import Head
from gatekeeper.errors import StorageError
from gatekeeper.storage import database
from gatekeeper.storage.database import run


class SqliteHeads:
    """See `gatekeeper.audit.heads.Heads`. There is one machine."""

    every: float | None = None

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, heads: Sequence[Head]) -> None:
        """Keep how far streams are, unless more is known already. Raises StorageError, ConfigError."""
        try:
            if not _has_table(self._path):
                database.prepare(self._path)
            with database.opened(self._path) as db:
                run(db, "BEGIN IMMEDIATE")
                for head in heads:
                    run(
                        db,
                        "INSERT INTO head VALUES (?, ?, ?) ON CONFLICT(stream) DO UPDATE "
                        "SET n = excluded.n, hash = excluded.hash WHERE excluded.n > n",
                        (head.stream, head.n, bytes.fromhex(head.hash)),
                    )
                run(db, "COMMIT")
        except apsw.Error as error:
            raise StorageError(f"the ends of streams cannot be kept: {database.reason(self._path, error)}") from None

    def read(self) -> list[Head]:
        """The last known end of every stream; none if there is no database. Raises StorageError."""
        try:
            if not _has_table(self._path):
                return []
            with database.opened(self._path, read_only=True) as db:
                return [Head(name, n, bytes(digest).hex()) for name, n, digest in run(db, "SELECT * FROM head")]
        except apsw.Error as error:
            raise StorageError(f"the ends of streams cannot be read: {database.reason(self._path, error)}") from None

    def others(self) -> list[tuple[str, Head]]:
        """None: another machine does not see this file."""
        return []


def _has_table(path: Path) -> bool:
    if not path.exists():
        return False
    with database.opened(path, read_only=True) as db:
        return bool(run(db, "SELECT 1 FROM sqlite_schema WHERE name = 'head'"))
