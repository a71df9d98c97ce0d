"""Dead letters: kept for a retry by hand, shown without what is in them, deleted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

import apsw
import orjson

from gatekeeper.audit import lines
from gatekeeper.storage.commits import Commit, Committer
from gatekeeper.storage.database import run
from gatekeeper.storage.outbox import DeadLetter
from gatekeeper.storage.rows import SHIFT
from gatekeeper.storage.tables import Tables


class SqliteDeadLetters:
    """See `protocols.DeadLetters`."""

    def __init__(self, tables: Tables, commits: Committer[Commit]) -> None:
        self._tables = tables
        self._commits = commits

    def page(self, destination: str | None = None, limit: int = 1_000) -> list[DeadLetter]:
        """The newest dead letters."""

        def look(db: apsw.Connection) -> list[DeadLetter]:
            names = dict(run(db, "SELECT no, name FROM destination"))
            wanted = [no for no, name in names.items() if destination in (None, name)]
            return [
                DeadLetter(str(row_id), names[row_id >> SHIFT], request_id, event_time, attempts, why, at)
                for row_id, request_id, event_time, attempts, why, at in run(
                    db,
                    "SELECT id, payload ->> 0, payload ->> 1, attempts, why, at FROM dead "
                    "WHERE id >> ? IN (SELECT value FROM json_each(?)) ORDER BY at DESC, id DESC LIMIT ?",
                    (SHIFT, orjson.dumps(wanted).decode(), limit),
                )
            ]

        return self._tables.read(look)

    def retry(self, ids: Sequence[str]) -> Future[int]:
        """Queue dead letters again; each counts as accepted once more."""

        def do(commit: Commit) -> int:
            self._tables.register(commit)
            return sum(self._retry(commit, row_id) for row_id in _numbers(ids))

        return self._commits.submit(do, recorded=True)

    def purge(self, ids: Sequence[str]) -> Future[int]:
        """Delete dead letters for good."""

        def do(commit: Commit) -> int:
            run(
                commit.db,
                "DELETE FROM dead WHERE id IN (SELECT value FROM json_each(?))",
                (orjson.dumps(_numbers(ids)).decode(),),
            )
            return commit.db.changes()

        return self._commits.submit(do)

    def _retry(self, commit: Commit, row_id: int) -> int:
        """How many there were under an id: one, or none."""
        for (payload,) in run(commit.db, "DELETE FROM dead WHERE id = ? RETURNING payload", (row_id,)):
            no = row_id >> SHIFT
            run(
                commit.db,
                "UPDATE destination SET seq = seq + 1, accepted = accepted + 1, queued = queued + 1 WHERE no = ?",
                (no,),
            )
            run(
                commit.db,
                "INSERT INTO outbox SELECT (? << ?) + seq, ? FROM destination WHERE no = ?",
                (no, SHIFT, payload, no),
            )
            commit.outcomes.append(
                lines.outcome_line(
                    at=self._tables.clock(),
                    destination=self._tables.by_number[no],
                    request_ids=[orjson.loads(payload)[0]],
                    status="pending",
                    why="retried_by_hand",
                    attempts=0,
                )
            )
            return 1
        return 0


def _numbers(ids: Sequence[str]) -> list[int]:
    """Row ids out of text; what is not a number is the id of no letter."""
    return [int(text) for text in ids if text.isdecimal() and len(text) < 19]
