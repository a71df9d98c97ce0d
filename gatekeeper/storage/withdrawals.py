"""Withdrawal: rows of a person end at once, and what is under way begins no further request."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from concurrent.futures import Future

import apsw
import orjson

from gatekeeper.storage.commits import Commit, Committer
from gatekeeper.storage.database import run
from gatekeeper.storage.rows import SHIFT
from gatekeeper.storage.stopping import Stopped, Stopping
from gatekeeper.storage.tables import Tables


class SqliteWithdrawals:
    """See `protocols.Withdrawals`."""

    def __init__(self, tables: Tables, commits: Committer, stopping: Stopping) -> None:
        self._tables = tables
        self._commits = commits
        self._stopping = stopping

    def cancel(self, subjects: Collection[str], destinations: Collection[str] | None = None) -> Future[int]:
        """End every row that carries one of the pseudonyms; of one under way no further request begins."""
        cancelled = self._commits.submit(lambda commit: self._cancel(commit, subjects, destinations), last=True)
        return self._stopping.once_heard(cancelled)

    def unheard(self) -> Mapping[str, frozenset[Hashable]]:
        """Rows that were cancelled while they were under way, by destination, as far as the deliverer has not heard."""

        def look(db: apsw.Connection) -> dict[str, frozenset[Hashable]]:
            rows: dict[str, set[Hashable]] = {}
            for name, row_id in run(
                db,
                "SELECT name, stop.id FROM stop JOIN destination ON no = stop.id >> ? WHERE heard = 0",
                (SHIFT,),
            ):
                rows.setdefault(name, set()).add(row_id)
            return {name: frozenset(ids) for name, ids in rows.items()}

        return self._tables.read(look)

    def heard(self, rows: Collection[Hashable]) -> Future[None]:
        """The deliverer begins no further request with these rows."""
        wanted = orjson.dumps(list(rows)).decode()

        def do(commit: Commit) -> None:
            run(commit.db, "UPDATE stop SET heard = 1 WHERE id IN (SELECT value FROM json_each(?))", (wanted,))

        return self._commits.submit(do)

    def _cancel(self, commit: Commit, subjects: Collection[str], destinations: Collection[str] | None) -> Stopped:
        """Rows and dead letters of the subjects; one that only looks alike, or is quoted in a payload, is another's."""
        tables = self._tables
        tables.register(commit)
        found: dict[int, str | None] = {}
        for subject in subjects:
            for table in ("outbox", "dead"):
                for row_id, named in run(
                    commit.db,
                    f"SELECT id, payload ->> 2 FROM {table} WHERE instr(payload, ?)",  # noqa: S608  # ours
                    (subject,),
                ):
                    meant = destinations is None or tables.by_number.get(row_id >> SHIFT) in destinations
                    if meant and subject in named.split():
                        found[row_id] = None
        return self._stopping.stop(commit, found)
