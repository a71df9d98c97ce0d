"""Group commit: one thread writes all there is to write, one transaction at a time, then has its lines recorded.

What arrived during the last commit makes the next one; no delay is added. A commit with audit lines keeps them in
the database (`unwritten`) until the log has them, so that a crash in between loses neither: rows become claimable,
and callers hear of it, only once their decision line is durable.

Few statements for many rows: every statement lets other threads take the interpreter, and getting it back can
take milliseconds in a busy process.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import apsw
import orjson

from gatekeeper.audit.lines import Line, pack
from gatekeeper.errors import AuditError, StorageError
from gatekeeper.storage import database
from gatekeeper.storage.database import run
from gatekeeper.storage.owners import Owner

R = TypeVar("R")
_log = logging.getLogger("gatekeeper")
_PATIENCE = 5.0  # seconds for what waits for another worker's line
_RIDE = 0.005  # seconds that delivery's work waits for events to share a commit with
_BUSY = 0.02  # seconds without an event after which it does not wait any more
_STOP = object()
_POKE = object()


class NotYet(Exception):  # noqa: N818  # not a failure: the same work is tried again
    """Something of another worker is not durable yet."""


class Recording(Protocol):
    """The part of the audit log's writer that is needed here."""

    def append(self, batch: list[Line]) -> Future[None]:
        """Make lines durable."""


@dataclass(slots=True, eq=False)
class Commit:
    """One transaction: what its parts add up to."""

    db: apsw.Connection
    owner: Owner
    decisions: list[Line] = field(default_factory=list)
    outcomes: list[Line] = field(default_factory=list)
    arrivals: list[tuple[Any, list[str]]] = field(default_factory=list)
    ranges: list[tuple[int, int]] = field(default_factory=list)  # of new rows: first and last id
    adopted: list[tuple[int, int]] = field(default_factory=list)  # rows of an ended process, accepted by it
    keys: list[tuple[int, str | None]] = field(default_factory=list)  # seen keys, and what stood there before
    after: list[Callable[[apsw.Connection], object]] = field(default_factory=list)  # done once all have their answers
    record: int = 0  # in `unwritten`


@dataclass(slots=True)
class _Work:
    do: Callable[[Commit], Any]
    done: Future[Any]
    recorded: bool  # done only when the lines are durable
    since: float


def _pressing(one: object) -> bool:
    """Whether a request waits for it, or the end does."""
    return one is _STOP or (isinstance(one, _Work) and one.recorded)


class Committer:
    """The only writer of a database in this process. `finish` completes a commit before it is one."""

    def __init__(
        self,
        path: Path,
        recorder: Recording,
        *,
        finish: Callable[[Commit], None],
        released: Callable[[Commit, list[tuple[int, int]]], None],
        refused: Callable[[Commit, Commit], None],
        notify: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self.path = path
        self._recorder = recorder
        self._finish = finish
        self._on_released = released
        self._on_refused = refused
        self._notify = notify
        self._clock = clock
        self._lock = threading.Lock()
        self._reset()

    def _reset(self) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self._written: deque[Commit] = deque()
        self._refused: deque[Commit] = deque()
        self._owed: deque[tuple[float, Commit]] = deque()  # outcome lines that the log did not take
        self._recording = 0
        self._busy = 0.0  # when events came in last
        self._after: list[Callable[[apsw.Connection], object]] = []
        self._lazy = False
        self._doubtful = False  # a write or a sync failed: see `database.write_anew`
        self._quiet = threading.Condition()
        self.failure: str | None = None

    def submit(self, do: Callable[[Commit], R], *, recorded: bool = False) -> Future[R]:
        """Have something done in the next commit; with `recorded`, its future waits for the commit's lines."""
        done: Future[R] = Future()
        done.set_running_or_notify_cancel()  # whoever stops waiting for it cannot cancel it
        with self._lock:
            self._start()
            self._queue.put(_Work(do, done, recorded, time.monotonic()))
        return done

    def close(self, timeout: float = 15.0) -> None:
        """Commit what waits, have its lines written, stop. May be called again; work starts it anew."""
        with self._lock:
            thread = self._thread
            if thread is None or self._pid != os.getpid():
                return
            self._queue.put(_STOP)
            thread.join(timeout)
            self._reset()

    def _start(self) -> None:
        if self._pid != os.getpid():  # forked: the parent's connection, queue and thread are the parent's
            self._reset()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="gatekeeper-outbox", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        owner: Owner | None = None
        db: apsw.Connection | None = None
        later: list[_Work] = []
        stop = False
        while True:
            work = [*later, *self._gather(stop, bool(later))]
            later = []
            if _STOP in work:
                stop = True
            work = [one for one in work if isinstance(one, _Work)]
            self._pay()
            if work or self._written or self._refused:
                try:
                    owner = owner or Owner(self.path)
                    if db is None:
                        db, self._lazy = database.connect(self.path), False
                    if self._doubtful:
                        database.write_anew(db)
                        self._doubtful = False
                    later, work = self._commit(db, owner, work), []
                    while self._after:
                        self._after.pop(0)(db)
                except (apsw.Error, OSError) as error:
                    db = self._failed(db, error, work)
            if stop and not later and self._settled():
                break
        if db is not None:
            db.close()
        if owner is not None:
            owner.close()

    def _gather(self, stop: bool, waiting: bool) -> list[Any]:
        """What came since the last commit; waits for something to come."""
        found = []
        with contextlib.suppress(queue.Empty):
            found.append(self._queue.get(timeout=0.005 if stop or waiting else 0.25))
            self._drain(found)
            # While events come in, what nobody waits for in a request (claims, outcomes, releases) rides with them.
            until = time.monotonic() + _RIDE
            if not stop and not waiting and until - self._busy < _BUSY + _RIDE:
                while not any(map(_pressing, found)) and (left := until - time.monotonic()) > 0:
                    found.append(self._queue.get(timeout=left))
                    self._drain(found)
        if any(map(_pressing, found)):
            self._busy = time.monotonic()
        return found

    def _drain(self, found: list[Any]) -> None:
        while len(found) < 2_000 and not self._queue.empty():
            found.append(self._queue.get_nowait())

    def _settled(self) -> bool:
        with self._quiet:
            return self._recording == 0 and not self._written and not self._refused and self._queue.empty()

    def _commit(self, db: apsw.Connection, owner: Owner, work: list[_Work]) -> list[_Work]:
        """One transaction for all of it; if that fails, one for each. What has to wait longer is returned."""
        try:
            commit, results = self._transact(db, owner, work)
        except (apsw.Error, OSError):
            raise
        except NotYet:
            if len(work) == 1:
                if time.monotonic() - work[0].since < _PATIENCE:
                    return work
                work[0].done.set_exception(StorageError("another worker's line is not durable yet"))
                return []
            return [late for one in work for late in self._commit(db, owner, [one])]
        except Exception as error:  # noqa: BLE001  # one caller's trouble must not be another's
            if len(work) == 1:
                _log.error("a commit failed (%s)", type(error).__name__)
                work[0].done.set_exception(StorageError("the outbox could not be written"))
                return []
            return [late for one in work for late in self._commit(db, owner, [one])]
        self.failure = None
        lines = [*commit.decisions, *commit.outcomes]
        waiting = [(one, result) for one, result in zip(work, results, strict=True) if one.recorded and lines]
        if lines:
            with self._quiet:
                self._recording += 1
            self._recorder.append(lines).add_done_callback(lambda future: self._recorded(commit, waiting, future))
        for one, result in zip(work, results, strict=True):
            if not (one.recorded and lines):
                one.done.set_result(result)
        return []

    def _transact(self, db: apsw.Connection, owner: Owner, work: list[_Work]) -> tuple[Commit, list[Any]]:
        commit = Commit(db, owner)
        written = [self._written.popleft() for _ in range(len(self._written))]
        refused = [self._refused.popleft() for _ in range(len(self._refused))]
        try:
            if self._lazy != (not work):  # what only says that lines are written may be lost: it is found again
                self._lazy = not work
                run(db, f"PRAGMA synchronous = {'NORMAL' if self._lazy else 'FULL'}")
            run(db, "BEGIN IMMEDIATE")
            if written:
                run(
                    db,
                    "DELETE FROM unwritten WHERE id IN (SELECT value FROM json_each(?))",
                    (orjson.dumps([one.record for one in written]).decode(),),
                )
                ranges = [span for one in written for span in (*one.ranges, *one.adopted)]
                if ranges:
                    self._on_released(commit, ranges)
            for one in refused:
                self._on_refused(commit, one)
                if one.outcomes or one.adopted:
                    kept = orjson.dumps(one.adopted).decode() if one.adopted else ""
                    run(
                        db,
                        "UPDATE unwritten SET ranges = ?, lines = ? WHERE id = ?",
                        (kept, pack(one.outcomes), one.record),
                    )
                else:
                    run(db, "DELETE FROM unwritten WHERE id = ?", (one.record,))
            results = [one.do(commit) for one in work]
            self._finish(commit)
            if commit.decisions or commit.outcomes:
                ranges = [*commit.ranges, *commit.adopted]
                ranges_text = orjson.dumps(ranges).decode() if ranges else ""
                lines = pack([*commit.decisions, *commit.outcomes])
                run(
                    db,
                    "INSERT INTO unwritten(owner, at, ranges, lines) VALUES (?, ?, ?, ?)",
                    (owner.name, self._clock(), ranges_text, lines),
                )
                commit.record = db.last_insert_rowid()
            elif commit.adopted:  # the log has all of it already
                self._on_released(commit, commit.adopted)
                commit.adopted.clear()
            run(db, "COMMIT")
        except BaseException:
            self._written.extendleft(reversed(written))
            self._refused.extendleft(reversed(refused))
            if db.in_transaction:
                with contextlib.suppress(apsw.Error):
                    run(db, "ROLLBACK")
            raise
        for one in refused:
            if one.outcomes or one.adopted:
                left = Commit(db, owner, outcomes=one.outcomes, adopted=one.adopted, record=one.record)
                self._owed.append((time.monotonic() + 0.5, left))
        if any(one.ranges or one.adopted for one in written):
            self._notify()
        self._after += commit.after
        return commit, results

    def _recorded(self, commit: Commit, waiting: list[tuple[_Work, Any]], future: Future[None]) -> None:
        """The log took a commit's lines, or could not. Runs in the log's thread."""
        error = future.exception()
        if error is None:
            self._written.append(commit)
        elif commit.decisions:
            self._refused.append(commit)
        else:
            self._owed.append((time.monotonic() + 0.5, commit))
        with self._quiet:
            self._recording -= 1
        self._queue.put(_POKE)
        for one, result in waiting:
            if error is None or not commit.decisions:
                one.done.set_result(result)
            else:
                one.done.set_exception(AuditError("the audit log cannot be written"))

    def _pay(self) -> None:
        """Offer outcome lines to the log again that it did not take before."""
        while self._owed and self._owed[0][0] <= time.monotonic():
            _, commit = self._owed.popleft()
            with self._quiet:
                self._recording += 1
            self._recorder.append(commit.outcomes).add_done_callback(
                lambda future, commit=commit: self._recorded(commit, [], future)  # type: ignore[misc]
            )

    def _failed(self, db: apsw.Connection | None, error: Exception, work: list[_Work]) -> apsw.Connection | None:
        """The database itself failed: nothing of this was kept. A new connection is tried with the next work."""
        self._doubtful = self._doubtful or isinstance(error, (apsw.IOError, OSError))
        self._after.clear()
        what = type(error).__name__.removesuffix("Error").lower()
        if self.failure is None:
            _log.error("the outbox cannot be written (%s): no event is accepted", what)
        self.failure = what
        for one in work:
            if not one.done.done():  # of a commit that was divided, parts may have been kept
                one.done.set_exception(StorageError(f"the outbox cannot be written ({what})"))
        if db is not None:
            with contextlib.suppress(apsw.Error):
                db.close()
        if not work:
            time.sleep(0.1)
        return None
