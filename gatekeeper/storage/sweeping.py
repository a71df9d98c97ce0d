"""What visitors refuse is taken out of the queue; a look in memory where nothing of theirs is there.

`Queued` says whose rows may be there. If it knows of none, that was all. If of some, or if it is far behind the store,
the rest is done in a commit: no other worker can add to the queue meanwhile, and every row that is found ends in it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from typing import Final

import apsw
import orjson

from gatekeeper.errors import StorageError
from gatekeeper.installation import forks
from gatekeeper.installation.forks import work
from gatekeeper.storage.commits import Commit, Committer
from gatekeeper.storage.database import run
from gatekeeper.storage.outbox import Refusal
from gatekeeper.storage.queued import Queued
from gatekeeper.storage.stopping import Stopped, Stopping
from gatekeeper.storage.tables import Tables

AT_ONCE: Final = 256  # rows that are read in the caller's own thread: less than a millisecond
IN_A_COMMIT: Final = 2_048  # rows that are read in one commit: a few milliseconds


class SqliteRefusals:
    """See `protocols.Refusals`."""

    def __init__(self, tables: Tables, commits: Committer, stopping: Stopping) -> None:
        self._tables = tables
        self._commits = commits
        self._stopping = stopping
        self._looking = threading.Lock()  # held by who reads or changes what is known
        self.known = Queued()
        self._looked_at: tuple[apsw.Connection, int] | None = None
        forks.register(self)

    def forked(self) -> None:
        """In a child: another thread of the parent may have held the lock."""
        self._looking, self._looked_at = threading.Lock(), None

    def sweep(self, refusals: Sequence[Refusal]) -> Future[int] | None:
        """End what the refusals are about; `None` if nothing of it is there."""
        with work:
            if self._looking.acquire(blocking=False):
                try:
                    with contextlib.suppress(StorageError):
                        if self._tables.read(lambda db: self._nothing(db, refusals)):
                            return None
                finally:
                    self._looking.release()
        done: Future[int] = Future()
        done.set_running_or_notify_cancel()
        self._sweep_on(tuple(refusals), done)
        return done

    def _nothing(self, db: apsw.Connection, refusals: Sequence[Refusal]) -> bool:
        """Whether it is known, without more than a look, that nothing is there."""
        ((version,),) = run(db, "PRAGMA data_version")
        if self._looked_at is None or self._looked_at[0] is not db or self._looked_at[1] != version:
            if not self.known.read(db, AT_ONCE):
                return False
            self.known.prune(db)
            self._looked_at = db, version
        return not any(
            self.known.perhaps(one.subjects, self.known.numbers[name])
            for one in refusals
            for name in one.reasons
            if name in self.known.numbers
        )

    def _sweep_on(self, refusals: tuple[Refusal, ...], done: Future[int]) -> None:
        """A commit after the other, until the whole queue is known and what is refused of it has ended."""

        gone: dict[tuple[str, int], int] = {}  # who has nothing there any more, as far as which id

        def do(commit: Commit) -> Stopped | None:
            gone.clear()  # a commit can fail, and be tried again
            commit.undo.append(self._look_again)
            with self._looking:
                if not self.known.read(commit.db, IN_A_COMMIT):
                    return None
                found: dict[int, str | None] = {}
                for one in refusals:
                    found |= self._refused(commit.db, one, gone)
            self._tables.register(commit)
            return self._stopping.stop(commit, found)

        def ended(future: Future[Stopped | None]) -> None:
            error = future.exception()
            if error is not None:
                done.set_exception(error)
            elif (stopped := future.result()) is None:
                self._sweep_on(refusals, done)
            else:
                self._remember(gone)
                first: Future[Stopped] = Future()
                first.set_result(stopped)
                self._stopping.once_heard(first).add_done_callback(lambda last: _settle(last, done))

        self._commits.submit(do, recorded=True, last=True).add_done_callback(ended)

    def _look_again(self) -> None:
        """What was read is rolled back: its ids may become other rows'."""
        with self._looking:
            self.known.forget()
            self._looked_at = None

    def _remember(self, gone: Mapping[tuple[str, int], int]) -> None:
        with self._looking:
            for (subject, no), position in gone.items():
                if self.known.position(no) == position:
                    self.known.absent[subject, no] = True

    def _refused(self, db: apsw.Connection, one: Refusal, gone: dict[tuple[str, int], int]) -> dict[int, str | None]:
        """The rows and dead letters that a refusal is about, with the reason."""
        found: dict[int, str | None] = {}
        subjects = set(one.subjects)
        for name, why in one.reasons.items():
            no = self.known.numbers.get(name)
            if no is None:
                continue
            stays = False
            for span in self.known.perhaps(one.subjects, no):
                for table in ("outbox", "dead"):
                    for row_id, request_id, event_time, named in run(
                        db,
                        f"SELECT id, payload ->> 0, payload ->> 1, payload ->> 2 FROM {table} WHERE id BETWEEN ? AND ? "  # noqa: S608  # ours
                        "AND EXISTS (SELECT 1 FROM json_each(?) WHERE instr(payload, json_each.value))",
                        (*span, _array(subjects)),
                    ):
                        if subjects.isdisjoint(named.split()):
                            continue
                        if event_time > one.until or request_id in one.spared:
                            stays = True
                        else:
                            found[row_id] = why
            if not stays:
                gone |= {(subject, no): self.known.position(no) for subject in one.subjects}
        return found


def _settle(last: Future[int], done: Future[int]) -> None:
    error = last.exception()
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(last.result())


def _array(values: Collection[str]) -> str:
    return orjson.dumps(sorted(values)).decode()
