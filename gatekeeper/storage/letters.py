"""Dead letters: kept for a retry by hand, shown without what is in them, forgotten in time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Future

import apsw
import orjson

from gatekeeper.audit import lines
from gatekeeper.storage.commits import Commit
from gatekeeper.storage.database import run
from gatekeeper.storage.outbox import (
    DEAD,
    DeadLetter,
    Ending,
)
from gatekeeper.storage.rows import SHIFT, flying_ids, forget_waiting, unreleased
from gatekeeper.storage.tables import SEEN_FOR, Tables


class Letters(Tables):
    """The operator's side of the embedded outbox."""

    def dead_letters(self, destination: str | None = None, limit: int = 1_000) -> list[DeadLetter]:
        """The newest dead letters."""

        def look(db: apsw.Connection) -> list[DeadLetter]:
            names = dict(run(db, "SELECT no, name FROM destination"))
            wanted = [no for no, name in names.items() if destination in (None, name)]
            return [
                DeadLetter(row_id, names[row_id >> SHIFT], request_id, event_time, attempts, why, at)
                for row_id, request_id, event_time, attempts, why, at in run(
                    db,
                    "SELECT id, frame ->> 0, frame ->> 1, attempts, why, at FROM dead "
                    "WHERE id >> ? IN (SELECT value FROM json_each(?)) ORDER BY at DESC, id DESC LIMIT ?",
                    (SHIFT, orjson.dumps(wanted).decode(), limit),
                )
            ]

        return self._read(look)

    def retry_dead(self, ids: Sequence[int]) -> Future[int]:
        """Queue dead letters again; each counts as accepted once more."""

        def do(commit: Commit) -> int:
            retried = 0
            for row_id in ids:
                for (frame,) in run(commit.db, "SELECT frame FROM dead WHERE id = ?", (row_id,)):
                    no = row_id >> SHIFT
                    run(
                        commit.db,
                        "UPDATE destination SET seq = seq + 1, accepted = accepted + 1, queued = queued + 1 "
                        "WHERE no = ?",
                        (no,),
                    )
                    run(
                        commit.db,
                        "INSERT INTO outbox SELECT (? << ?) + seq, ? FROM destination WHERE no = ?",
                        (no, SHIFT, frame, no),
                    )
                    run(commit.db, "DELETE FROM dead WHERE id = ?", (row_id,))
                    request_id = orjson.loads(frame)[0]
                    commit.outcomes.append(
                        lines.outcome_line(
                            at=self._clock(),
                            destination=self._by_number[no],
                            request_ids=[request_id],
                            status="pending",
                            why="retried_by_hand",
                            attempts=0,
                        )
                    )
                    retried += 1
            return retried

        def registered(commit: Commit) -> int:
            self._register(commit.db, self._names)
            return do(commit)

        return self._commits.submit(registered, recorded=True)

    def purge_dead(self, ids: Sequence[int]) -> Future[int]:
        """Delete dead letters for good."""

        def do(commit: Commit) -> int:
            run(
                commit.db,
                "DELETE FROM dead WHERE id IN (SELECT value FROM json_each(?))",
                (orjson.dumps(list(ids)).decode(),),
            )
            return commit.db.changes()

        return self._commits.submit(do)

    def bury(self, destinations: Collection[str], why: str) -> Future[int]:
        """Make dead letters of all rows of destinations other than these: the policy does not have theirs any more."""

        def do(commit: Commit) -> int:
            buried = 0
            for no, name in run(commit.db, "SELECT no, name FROM destination WHERE queued > 0"):
                if name not in destinations:
                    hidden = [span for span in unreleased(commit.db) if span[0] >> SHIFT == no]
                    rows = self._rows(commit, no << SHIFT, (no + 1) << SHIFT, hidden, 10_000)
                    flying = flying_ids(commit.db)
                    rows = [row for row in rows if row.id not in flying]
                    self._by_number.setdefault(no, name)
                    self._end(commit, no, Ending(DEAD, why, tuple(rows)), 0)
                    forget_waiting(commit.db, [row.id for row in rows])
                    buried += len(rows)
            return buried

        return self._commits.submit(do)

    def tidy(self, dead_for: float, slice_of: int) -> Future[None]:
        """Forget old dead letters, and a 1024th of the old keys: the `slice_of`-th."""

        def do(commit: Commit) -> None:
            now = self._clock()
            run(commit.db, "DELETE FROM dead WHERE at < ?", (now - dead_for,))
            for no in self._by_number:  # a vendor that refuses everything must not fill the disk
                run(
                    commit.db,
                    "DELETE FROM dead WHERE id >= ?1 AND id <= coalesce("
                    "(SELECT id FROM dead WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3), 0)",
                    (no << SHIFT, ((no + 1) << SHIFT) - 1, self.max_queued),
                )
            width = 2**64 // 1024
            low = -(2**63) + (slice_of % 1024) * width
            run(
                commit.db,
                "DELETE FROM seen WHERE key BETWEEN ? AND ? AND at < ?",
                (low, low + width - 1, int(now) - SEEN_FOR),
            )

        return self._commits.submit(do)
