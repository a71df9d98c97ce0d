"""The thread that writes to PostgreSQL: it gathers work, commits it, hands its lines to the log, and answers.

As `gatekeeper.storage.writing`, with what a server elsewhere adds: a commit of which no answer came may have happened.
Its lines then stand in `lines` under this process's number, and no commit in memory knows of them: they are adopted
like those of an ended process.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import psycopg

from gatekeeper.audit.packed import pack
from gatekeeper.audit.segments import Head
from gatekeeper.errors import StorageError
from gatekeeper.installation import forks
from gatekeeper.installation.threads import ended
from gatekeeper.storage.commits import Commits, Event, Listeners, Phase, Work
from gatekeeper.storage.handover import OFFER, Handover, divide
from gatekeeper.storage.inbox import STOP, Inbox
from gatekeeper.storage.postgres.commits import Commit, Copies, Left, begin, end
from gatekeeper.storage.postgres.connecting import Connection, close, connect, run, timeline, what
from gatekeeper.storage.postgres.members import Members
from gatekeeper.storage.protocols import Recording

_log = logging.getLogger("gatekeeper")
# Lines that the log has go where they are kept until the archive has them.
_KEEP: Final = """WITH gone AS (DELETE FROM lines WHERE id = ANY(%s) RETURNING id, at, lines),
    put AS (INSERT INTO trail(id, log, at, stream, n, lines) SELECT g.id, %s, g.at, p.stream, p.n, g.lines
        FROM gone g JOIN unnest(%s::bigint[], %s::text[], %s::bigint[]) AS p(id, stream, n) ON p.id = g.id)
    SELECT id FROM gone"""
_NOWHERE: Final = Head("", 0, "")  # the end of a log that does not say it
PAUSE: Final = 0.1  # seconds after a failed transaction that no caller had asked for


class Posting(Protocol):
    """What a commit means to the tables. Called by the thread that writes, inside a transaction."""

    def finish(self, commit: Commit) -> None:
        """Complete a commit before it is one: all arrivals of all callers at once."""

    def release(self, commit: Commit, counts: Mapping[str, int], *, accepted: bool) -> None:
        """Lines are durable: their rows are accepted now, and may be claimed; or another process sees to that."""

    def take_back(self, commit: Commit, refused: Commit) -> None:
        """The log did not take the lines: nothing of these arrivals was accepted."""


class Writing:
    """One thread's work, from its start to `stop`. It starts when it is made."""

    def __init__(
        self,
        url: str,
        copies: Copies,
        members: Members,
        recorder: Recording,
        posting: Posting,
        claimable: Listeners,
        clock: Callable[[], float],
        trail: Callable[[], str] | None = None,
    ) -> None:
        self.failure: str | None = None
        self.took = 0.0  # seconds for the last commit
        self._url = url
        self._copies = copies
        self._members = members
        self._posting = posting
        self._claimable = claimable
        self._clock = clock
        self._trail = trail  # the log's name, where its lines are kept until the archive has them
        self._link: Connection | None = None
        self._timeline = ""  # of the server that it is to
        self._inbox = Inbox()
        self.commits: Commits[Commit] = Commits()
        self._handover = Handover(self.commits, recorder, self._inbox)
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

    def known(self) -> list[int]:
        """The records that a commit in memory will release, take back, or offer again."""
        phases = (Phase.KEPT, Phase.WRITTEN, Phase.REFUSED, Phase.OWED)
        return [n for phase in phases for commit in self.commits.at(phase) for n in (commit.record, *commit.adopted)]

    def _run(self) -> None:
        later: list[Work] = []
        while True:
            todo = [*later, *self._inbox.gather(waiting=bool(later))]
            with forks.work:
                later = self._turn(todo)
            over = self.commits.settled() or self._gone()
            if self._inbox.stopping and not later and self._inbox.empty() and over:
                break
        with forks.work:
            close(self._link)
            self._link = None

    def _gone(self) -> bool:
        """Whether waiting for a database that cannot be reached would be for nothing: another process adopts it."""
        return self.failure is not None and not self.commits.at(Phase.KEPT)

    def _turn(self, todo: list[Work]) -> list[Work]:
        """Do what there is to do; what has to wait longer is returned."""
        self._handover.offer()
        later: list[Work] = []
        if todo or self.commits.at(Phase.WRITTEN) or self.commits.at(Phase.REFUSED):
            try:
                later, todo = self._commit(self._opened(), todo), []
            except Left:
                self._members.left()
                later = todo
            except (psycopg.Error, OSError, StorageError) as error:
                self._failed(error, todo)
        return later

    def _opened(self) -> Connection:
        if self._link is None or self._link.closed:
            self._link = connect(self._url)
            self._timeline = timeline(self._link)
        return self._link

    def _commit(self, link: Connection, work: list[Work]) -> list[Work]:
        """One transaction for all of it; if that fails, one for each. What has to wait longer is returned."""
        try:
            commit, results = self._transact(link, work)
        except (OSError, Left, StorageError):
            raise
        except psycopg.Error as error:
            if link.closed or not _ours(error) or len(work) < 2:
                raise
            return divide(error, work, lambda some: self._commit(link, some))
        except Exception as error:  # noqa: BLE001  # one caller's trouble must not be another's
            return divide(error, work, lambda some: self._commit(link, some))
        self.failure = None
        self._handover.hand(commit, work, results)
        return []

    def _transact(self, link: Connection, work: list[Work]) -> tuple[Commit, list[Any]]:
        written, refused = self.commits.at(Phase.WRITTEN), self.commits.at(Phase.REFUSED)
        alone = any(one.last or one.pressing for one in work)
        commit: Commit | None = None
        try:
            owner = self._members.number()
            commit = begin(link, owner, self._copies, alone=alone, lazy=not work, known=self._members.generation)
            self._release(commit, written)
            for one in refused:
                self._take_back(commit, one)
            results = [None if one.last else one.do(commit) for one in work]
            self._posting.finish(commit)
            for n, late in enumerate(work):
                if late.last:
                    results[n] = late.do(commit)
            self._keep_lines(commit)
            began = time.monotonic()
            end(commit)
            self.took = time.monotonic() - began
            self._members.wrote(self._timeline)
        except BaseException:
            if commit is not None:
                self.commits.move(commit, Event.ROLLED_BACK)
                for undo in reversed(commit.undo):
                    undo()
            if not link.closed and link.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                try:
                    run(link, "ROLLBACK")
                except psycopg.Error:
                    close(link)
            raise
        for now in commit.committed:
            now()
        if commit.published is not None:
            self._members.publish(commit.published, commit.people, suppresses=commit.suppresses)
        self.commits.move(commit, Event.COMMITTED if commit.lines else Event.COMMITTED_BARE)
        for one in written:
            self.commits.move(one, Event.RELEASED)
        for one in refused:
            one.forget_arrivals()
            one.due = time.monotonic() + OFFER
            self.commits.move(one, Event.ARRIVALS_TAKEN_BACK if one.lines else Event.TAKEN_BACK)
        if any(one.counts or one.adopted for one in written):
            self._claimable.call()
        return commit, results

    def _release(self, commit: Commit, written: list[Commit]) -> None:
        if not written:
            return
        ids = [n for one in written for n in (one.record, *one.adopted)]
        if self._trail is None:
            found = run(commit.link, "DELETE FROM lines WHERE id = ANY(%s) RETURNING id", (ids,))
        else:
            places = [one.place or _NOWHERE for one in written for _ in range(1 + len(one.adopted))]
            streams, ends = [place.stream for place in places], [place.n for place in places]
            found = run(commit.link, _KEEP, (ids, self._trail(), ids, streams, ends))
        there = {n for (n,) in found}
        for one in written:  # what is not there was adopted by another process, which accepts its rows
            self._posting.release(commit, one.counts, accepted=one.record in there)
            for record, counts in one.adopted.items():
                self._posting.release(commit, counts, accepted=record in there)

    def _take_back(self, commit: Commit, refused: Commit) -> None:
        self._posting.take_back(commit, refused)
        if refused.outcomes:
            run(
                commit.link,
                "UPDATE lines SET packets = '{}', lines = %s WHERE id = %s AND owner = %s",
                (pack(refused.outcomes), refused.record, commit.owner),
            )
        else:
            run(commit.link, "DELETE FROM lines WHERE id = %s AND owner = %s", (refused.record, commit.owner))

    def _keep_lines(self, commit: Commit) -> None:
        """Keep a commit's lines in it, for the case that the log does not get them."""
        if commit.own:
            run(
                commit.link,
                "INSERT INTO lines(id, owner, at, packets, lines) VALUES (%s, %s, %s, %s, %s)",
                (commit.record, commit.owner, self._clock(), commit.packets, pack(commit.own)),
            )

    def _failed(self, error: Exception, work: list[Work]) -> None:
        """The database itself failed: nothing of this is known to be kept. The next work tries another connection."""
        close(self._link)
        self._link = None
        word = "no lease" if isinstance(error, StorageError) else what(error)
        if self.failure is None:
            _log.error("the outbox cannot be written (%s): no event is accepted", word)
        self.failure = word
        # Who came meanwhile has waited as long: to try for each alone would keep the last one waiting for minutes.
        for one in [*work, *self._inbox.drain()]:
            if not one.done.done():  # of a commit that was divided, parts may have been kept
                one.done.set_exception(StorageError(f"the outbox cannot be written ({word})"))
        if not work:
            with forks.aside():
                time.sleep(PAUSE)


def _ours(error: psycopg.Error) -> bool:
    """Whether the statement is at fault and not the server: then one caller's trouble is not another's."""
    return (error.sqlstate or "")[:2] in {"21", "22", "23", "40"}
