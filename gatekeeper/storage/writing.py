"""The thread that writes the database: it gathers work, commits it, hands its lines to the log, and answers.

Few statements for many rows: every statement lets other threads take the interpreter, and getting it back can
take milliseconds in a busy process. The life of a commit is `commits.FOLLOWS`.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import apsw
import orjson

from gatekeeper.audit.packed import pack
from gatekeeper.errors import StorageError
from gatekeeper.installation import forks
from gatekeeper.installation.threads import ended
from gatekeeper.storage import database
from gatekeeper.storage.commits import Commit, Commits, Event, Listeners, Phase, Posting, Then, Work
from gatekeeper.storage.database import run
from gatekeeper.storage.handover import HOLD, OFFER, Handover, divide
from gatekeeper.storage.inbox import IDLE, STOP, Inbox
from gatekeeper.storage.owners import Owner
from gatekeeper.storage.protocols import Recording

_log = logging.getLogger("gatekeeper")
PAUSE: Final = 0.1  # seconds after a failed transaction that no caller had asked for


class Connection:
    """The database as the writing thread holds it: opened when it is needed, and not trusted after a failed sync."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._owner: Owner | None = None
        self._db: apsw.Connection | None = None
        self._lazy = False
        self._file: tuple[int, int] | None = None  # that was opened
        self._doubtful = False  # a write or a sync failed: see `database.write_anew`
        forks.register(self)

    def open(self) -> tuple[apsw.Connection, Owner]:
        """A connection that can be trusted, and who we are. Raises apsw.Error, OSError."""
        if self._owner is None:
            self._owner = Owner(self._path)
        there = self._path.stat()  # what was deleted, or moved away, would be written to and never be found again
        if self._db is None:
            self._db, self._lazy = database.connect(self._path), False
            self._file = (there.st_dev, there.st_ino)
        elif self._file != (there.st_dev, there.st_ino):
            raise FileNotFoundError(errno.ENOENT, "the database is another file")
        if self._doubtful:
            database.write_anew(self._db)
            self._doubtful = False
        return self._db, self._owner

    def begin(self, db: apsw.Connection, *, lazy: bool) -> None:
        """Begin a transaction; a lazy one may be lost: it only says that lines are written, and that is found again."""
        if self._lazy != lazy:
            self._lazy = lazy
            run(db, f"PRAGMA synchronous = {'NORMAL' if lazy else 'FULL'}")
        run(db, "BEGIN IMMEDIATE")

    def failed(self, error: Exception) -> None:
        """Let go of it; the next work opens another one."""
        self._doubtful = self._doubtful or isinstance(error, (apsw.IOError, OSError))
        if self._db is not None:
            with contextlib.suppress(apsw.Error):
                self._db.close()
        self._db = None

    def parted(self) -> None:
        """Before a fork: the next work opens another one."""
        if self._db is not None:
            database.part(self._db)
        self._db = None

    def forked(self) -> None:
        """In a child: all of it is the parent's."""

    def close(self) -> None:
        """Close the connection of the thread that writes."""
        forks.forget(self)
        if self._db is not None:
            self._db.close()
        if self._owner is not None:
            self._owner.close()


class Writing:
    """One thread's work, from its start to `stop`. It starts when it is made."""

    def __init__(
        self, path: Path, recorder: Recording, posting: Posting, claimable: Listeners, clock: Callable[[], float]
    ) -> None:
        self.failure: str | None = None
        self._connection = Connection(path)
        self._posting = posting
        self._claimable = claimable
        self._clock = clock
        self._inbox = Inbox()
        self._commits = Commits[Commit]()
        self._handover = Handover(self._commits, recorder, self._inbox, may_wait=lambda commit: commit.usual)
        self._after: list[Callable[[apsw.Connection], object]] = []
        self._thread = threading.Thread(target=self._run, name="gatekeeper-outbox", daemon=True)
        self._thread.start()

    def put(self, work: Work) -> None:
        """Have something done in the next transaction."""
        self._inbox.put(work)

    def stop(self, timeout: float) -> None:
        """Commit what waits, have its lines written, end."""
        self._inbox.put(STOP)
        self._thread.join(timeout)
        ended(self._thread)

    def _run(self) -> None:
        later: list[Work] = []
        while True:
            todo = [*later, *self._inbox.gather(waiting=bool(later), idle=HOLD if self._handover.held else IDLE)]
            with forks.work:
                later = self._turn(todo)
            if self._inbox.stopping and not later and self._commits.settled() and self._inbox.empty():
                break
        with forks.work:
            self._connection.close()

    def _turn(self, todo: list[Work]) -> list[Work]:
        """Do what there is to do; what has to wait longer is returned."""
        self._handover.offer()
        later: list[Work] = []
        if todo or self._commits.at(Phase.WRITTEN) or self._commits.at(Phase.REFUSED):
            try:
                db, owner = self._connection.open()
                later, todo = self._commit(db, owner, todo), []
                while self._after:
                    self._after.pop(0)(db)
            except (apsw.Error, OSError) as error:
                self._failed(error, todo)
        return later

    def _commit(self, db: apsw.Connection, owner: Owner, work: list[Work]) -> list[Work]:
        """One transaction for all of it; if that fails, one for each. What has to wait longer is returned."""
        try:
            commit, results = self._transact(db, owner, work)
        except (apsw.Error, OSError):
            raise
        except Exception as error:  # noqa: BLE001  # one caller's trouble must not be another's
            return divide(error, work, lambda some: self._commit(db, owner, some))
        self.failure = None
        self._handover.hand(commit, work, results)
        return []

    def _transact(self, db: apsw.Connection, owner: Owner, work: list[Work]) -> tuple[Commit, list[Any]]:
        commit = Commit(db, owner)
        written, refused = self._commits.at(Phase.WRITTEN), self._commits.at(Phase.REFUSED)
        try:
            self._connection.begin(db, lazy=not work)
            self._release(commit, written)
            for one in refused:
                self._take_back(commit, one)
            results = [None if one.last else one.do(commit) for one in work]
            self._posting.finish(commit)
            for n, late in enumerate(work):
                if late.last:
                    results[n] = late.do(commit)
            results = [result() if isinstance(result, Then) else result for result in results]
            self._keep_lines(commit)
            run(db, "COMMIT")
            for now in commit.committed:
                now()
        except BaseException:
            self._commits.move(commit, Event.ROLLED_BACK)
            for undo in reversed(commit.undo):
                undo()
            if db.in_transaction:
                with contextlib.suppress(apsw.Error):
                    run(db, "ROLLBACK")
            raise
        self._commits.move(commit, Event.COMMITTED if commit.lines else Event.COMMITTED_BARE)
        for one in written:
            self._commits.move(one, Event.RELEASED)
        for one in refused:
            one.forget_arrivals()
            one.due = time.monotonic() + OFFER
            left = one.outcomes or one.adopted
            self._commits.move(one, Event.ARRIVALS_TAKEN_BACK if left else Event.TAKEN_BACK)
        if any(one.ranges or one.adopted for one in written):
            self._claimable.call()
        self._after += commit.after
        return commit, results

    def _release(self, commit: Commit, written: list[Commit]) -> None:
        if not written:
            return
        run(
            commit.db,
            "DELETE FROM unwritten WHERE id IN (SELECT value FROM json_each(?))",
            (orjson.dumps([one.record for one in written]).decode(),),
        )
        ranges = [span for one in written for span in (*one.ranges, *one.adopted)]
        if ranges:
            self._posting.release(commit, ranges)

    def _take_back(self, commit: Commit, refused: Commit) -> None:
        self._posting.take_back(commit, refused)
        if refused.outcomes or refused.adopted:
            kept = orjson.dumps(refused.adopted).decode() if refused.adopted else ""
            run(
                commit.db,
                "UPDATE unwritten SET ranges = ?, lines = ? WHERE id = ?",
                (kept, pack(refused.outcomes), refused.record),
            )
        else:
            run(commit.db, "DELETE FROM unwritten WHERE id = ?", (refused.record,))

    def _keep_lines(self, commit: Commit) -> None:
        """Keep a commit's lines in it, for the case that the log does not get them."""
        if commit.lines:
            ranges = [*commit.ranges, *commit.adopted]
            ranges_text = orjson.dumps(ranges).decode() if ranges else ""
            lines = pack(commit.lines)
            run(
                commit.db,
                "INSERT INTO unwritten(owner, at, ranges, lines) VALUES (?, ?, ?, ?)",
                (commit.owner.name, self._clock(), ranges_text, lines),
            )
            commit.record = commit.db.last_insert_rowid()
        elif commit.adopted:  # the log has all of it already
            self._posting.release(commit, commit.adopted)
            commit.adopted.clear()

    def _failed(self, error: Exception, work: list[Work]) -> None:
        """The database itself failed: nothing of this was kept. A new connection is tried with the next work."""
        self._connection.failed(error)
        self._after.clear()
        what = type(error).__name__.removesuffix("Error").lower()
        if self.failure is None:
            _log.error("the outbox cannot be written (%s): no event is accepted", what)
        self.failure = what
        for one in work:
            if not one.done.done():  # of a commit that was divided, parts may have been kept
                one.done.set_exception(StorageError(f"the outbox cannot be written ({what})"))
        if not work:
            with forks.aside():
                time.sleep(PAUSE)
