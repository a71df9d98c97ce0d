"""The house of the embedded store: what ended processes left, the books, old letters and keys, the write-ahead log."""

from __future__ import annotations

import time
from concurrent.futures import Future
from typing import Final

import apsw
import orjson

from gatekeeper.audit import packed
from gatekeeper.storage import database
from gatekeeper.storage.commits import Commit, Committer, Listeners
from gatekeeper.storage.database import run
from gatekeeper.storage.generations import forget_old
from gatekeeper.storage.outbox import DEAD, ID, Ending, Recovered
from gatekeeper.storage.protocols import Missing
from gatekeeper.storage.rows import SHIFT, flying_ids, forget_waiting
from gatekeeper.storage.tables import SEEN_FOR, Tables

SHORT: Final = 1.0  # seconds between two looks for ended processes, and at the write-ahead log's size
TIDY: Final = 60.0  # seconds between two slices of old letters and keys
WAL_LIMIT: Final = 16 * 2**20  # bytes of write-ahead log before it is copied into the database
QUIET: Final = 1.0  # seconds without a commit after which the write-ahead log, with what was delivered in it, is cut
CUT: Final = 60.0  # seconds after which it is cut in a gate that is never quiet
SLICES: Final = 1024  # of the keys: one is tidied at a time, so that no commit is held up
REMOVED: Final = "destination_removed"
_BURIED: Final = 10_000  # rows of a removed destination that one commit ends


class Upkeep:
    """What is due when. Its methods that take a `Commit` run in the thread that writes."""

    def __init__(self, tables: Tables, commits: Committer[Commit], missing: Missing) -> None:
        self._tables = tables
        self._commits = commits
        self._missing = missing
        self._version = (0, -1)  # of the database, as others' commits change it
        self._changed = 0.0  # when it did; monotonic seconds, as all of these
        self._looked = 0.0
        self._tidied = -TIDY
        self._cut = time.monotonic()
        self._slice = 0

    def others_committed(self) -> bool:
        """Whether another connection has committed since the last call; costs next to nothing. Raises StorageError."""
        # The number means something to one connection only.
        version = self._tables.read(lambda db: (self._tables.looks, int(run(db, "PRAGMA data_version")[0][0])))
        if version == self._version:
            return False
        self._version, self._changed = version, time.monotonic()
        return True

    def do_what_is_due(self, claimable: Listeners) -> Future[Recovered | None]:
        """One commit for all of it, or none."""
        now = time.monotonic()
        tidy = now - self._tidied > TIDY or self._tidied < 0
        if not tidy and now - self._looked <= SHORT:
            return _DONE
        self._looked = now
        size = _size(self._tables)
        cut = size > 0 and (now - self._changed > QUIET or now - self._cut > CUT)
        copy = size > WAL_LIMIT

        def do(commit: Commit) -> Recovered | None:
            adopted = self.adopt(commit)
            if tidy:
                self.tidy(commit)
                self.bury(commit)
            if cut or copy:
                self.checkpoint(commit, cut=cut)
            if adopted:
                commit.after.append(lambda db: claimable.call())
            return None  # one machine has one deliverer

        done = self._commits.submit(do)
        if tidy:
            self._tidied = now
        if cut:
            self._cut = now
        return done

    def adopt(self, commit: Commit) -> int:
        """Write the lines that ended processes could not, and release their rows; the number of their commits."""
        adopted = 0
        for record, owner, at, ranges, blob in run(
            commit.db,
            "SELECT id, owner, at, ranges, lines FROM unwritten WHERE owner != ? ORDER BY id",
            (commit.owner.name,),
        ):
            if not commit.owner.gone(owner):
                continue
            run(commit.db, "DELETE FROM unwritten WHERE id = ?", (record,))
            commit.outcomes += self._missing(packed.unpack(blob), at)
            spans = [(first, last) for first, last in orjson.loads(ranges or "[]")]
            commit.adopted += spans
            for first, last in spans:
                self._tables.hold(commit, first >> SHIFT, last - first + 1)
            adopted += 1
        return adopted

    def reckon(self, commit: Commit) -> dict[str, tuple[int, int]]:
        """Compare the books with the rows, and correct them: destination -> (booked, there), where they differed."""
        hidden = self._tables.hidden(commit)
        wrong = {}
        for no, name, queued in run(commit.db, "SELECT no, name, queued FROM destination"):
            ((there,),) = run(
                commit.db,
                "SELECT count(*) FROM outbox WHERE id BETWEEN ? AND ?",
                (no << SHIFT, ((no + 1) << SHIFT) - 1),
            )
            there -= sum(last - first + 1 for first, last in hidden if first >> SHIFT == no)
            if there != queued:
                wrong[name] = (queued, there)
                run(
                    commit.db,
                    "UPDATE destination SET queued = ?, accepted = accepted + ? WHERE no = ?",
                    (there, there - queued, no),
                )
        return wrong

    def bury(self, commit: Commit) -> int:
        """Make dead letters of the rows of destinations that the policy does not have any more; their number."""
        tables, buried = self._tables, 0
        for no, name in run(commit.db, "SELECT no, name FROM destination WHERE queued > 0"):
            if name not in tables.bounds.destinations:
                hidden = [span for span in tables.hidden(commit) if span[0] >> SHIFT == no]
                rows = tables.rows(commit, no << SHIFT, (no + 1) << SHIFT, hidden, _BURIED)
                flying = flying_ids(commit.db)
                rows = tables.without_stopped(commit, no, [row for row in rows if row.id not in flying], flying)
                tables.end(commit, no, Ending(DEAD, REMOVED, tuple(rows)), 0)
                forget_waiting(commit.db, [ID(row) for row in rows])
                buried += len(rows)
        return buried

    def tidy(self, commit: Commit) -> None:
        """Forget old dead letters, who took something back long ago, and the next slice of the old keys."""
        tables, now = self._tables, self._tables.clock()
        forget_old(commit.db, now)
        run(commit.db, "DELETE FROM dead WHERE at < ?", (now - tables.bounds.dead_for,))
        for no in tables.by_number:  # a vendor that refuses everything must not fill the disk
            run(
                commit.db,
                "DELETE FROM dead WHERE id >= ?1 AND id <= coalesce("
                "(SELECT id FROM dead WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3), 0)",
                (no << SHIFT, ((no + 1) << SHIFT) - 1, tables.bounds.max_queued),
            )
        width = 2**64 // SLICES
        low = -(2**63) + self._slice * width
        self._slice = (self._slice + 1) % SLICES
        run(
            commit.db,
            "DELETE FROM seen WHERE key BETWEEN ? AND ? AND at < ?",
            (low, low + width - 1, int(now) - SEEN_FOR),
        )

    def checkpoint(self, commit: Commit, *, cut: bool = False) -> None:
        """Copy the write-ahead log into the database after a commit; with `cut`, and empty it, if no reader is at it.

        Ended rows are zeroed in the database, but stand in the log until then. What is to be gone for certain is the
        business of `remnants.py`.
        """

        def copy(db: apsw.Connection) -> None:
            run(db, "PRAGMA wal_checkpoint(PASSIVE)")
            if cut:
                db.set_busy_timeout(0)  # other workers' commits wait as long as this does
                try:
                    run(db, "PRAGMA wal_checkpoint(TRUNCATE)")
                finally:
                    db.set_busy_timeout(database.BUSY)

        commit.after.append(copy)


def _size(tables: Tables) -> int:
    try:
        return tables.path.with_name(tables.path.name + "-wal").stat().st_size
    except OSError:
        return 0


_DONE: Final[Future[Recovered | None]] = Future()
_DONE.set_result(None)
