"""What visitors refuse is taken out of the queue; a look in memory where nothing of theirs is there.

`Queued` says whose rows may be there. If it knows of none, that was all. If of some, or if it is far behind the store,
the rest is done in a commit: no other worker can add to the queue meanwhile, and every row that is found ends in it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from typing import Final, NamedTuple

import apsw
import orjson

from gatekeeper.errors import StorageError
from gatekeeper.installation import forks
from gatekeeper.installation.forks import work
from gatekeeper.model import Heard
from gatekeeper.storage.commits import Commit, Committer
from gatekeeper.storage.database import run
from gatekeeper.storage.outbox import Refusal, Withdrawn
from gatekeeper.storage.queued import Queued
from gatekeeper.storage.stopping import Stopping
from gatekeeper.storage.swept import settle
from gatekeeper.storage.tables import Tables

AT_ONCE: Final = 256  # rows that are read in the caller's own thread: less than a millisecond
IN_A_COMMIT: Final = 2_048  # rows that are read in one commit: a few milliseconds


class _Part(NamedTuple):
    """What one commit did of it: `whole` if all of the queue was looked at, and the withdrawal that it published."""

    refusals: Sequence[Refusal]
    whole: bool
    ended: int
    generation: int | None


class SqliteRefusals:
    """See `protocols.Refusals`."""

    def __init__(self, tables: Tables, commits: Committer[Commit], stopping: Stopping) -> None:
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
        swept = tuple(refusals)
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
        self.end(lambda commit: swept, recorded=True).add_done_callback(lambda last: settle(last, done))
        return done

    def end(self, refused: Callable[[Commit], Sequence[Refusal]], *, recorded: bool = False) -> Future[Withdrawn]:
        """End what refusals are about, which the first commit gives; done when the barrier is over, too.

        With `recorded`, and when the log has its lines. A withdrawal does not wait for a log that cannot be written.
        """
        done: Future[Withdrawn] = Future()
        done.set_running_or_notify_cancel()
        self._end_on(refused, None, recorded, done)
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

    def _end_on(
        self,
        refused: Callable[[Commit], Sequence[Refusal]],
        published: int | None,
        recorded: bool,  # of `end`
        done: Future[Withdrawn],
    ) -> None:
        """A commit after the other, until the whole queue is known and what is refused of it has ended."""

        gone: dict[tuple[str, int], int] = {}  # who has nothing there any more, as far as which id

        def do(commit: Commit) -> _Part:
            gone.clear()  # a commit can fail, and be tried again
            refusals = refused(commit)
            count, whole = 0, True
            if refusals:
                commit.undo.append(self._look_again)
                with self._looking:
                    whole = self.known.read(commit.db, IN_A_COMMIT)
                    found: dict[int, str | None] = {}
                    for one in refusals if whole else ():
                        found |= self._refused(commit.db, one, gone)
                self._tables.register(commit)
                count = self._stopping.stop(commit, found)
            generation = commit.generation if commit.publishes else None
            return _Part(refusals, whole, count, max(filter(None, (published, generation)), default=None))

        def ended(future: Future[_Part]) -> None:
            error = future.exception()
            if error is not None:
                done.set_exception(error)
                return
            part = future.result()
            if not part.whole:
                self._end_on(lambda commit: part.refusals, part.generation, recorded, done)
                return
            self._stopping.once_over(part.ended, part.generation).add_done_callback(over)

        def over(last: Future[Withdrawn]) -> None:
            if last.result().heard is not Heard.NOT_YET:  # else the next refusal has to wait for it, too
                self._remember(gone)
            done.set_result(last.result())

        self._commits.submit(do, last=True, recorded=recorded, pressing=True).add_done_callback(ended)

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


def _array(values: Collection[str]) -> str:
    return orjson.dumps(sorted(values)).decode()
