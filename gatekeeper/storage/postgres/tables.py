"""What the parts of the store in PostgreSQL share: who we are, room, how rows end, reading.

What takes a `Commit` runs in the thread that writes, inside a transaction.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import orjson
import psycopg

from gatekeeper.audit import lines
from gatekeeper.errors import StorageError
from gatekeeper.installation import forks
from gatekeeper.installation.forks import work
from gatekeeper.storage.outbox import CANCELLED, DEAD, ID, WORDS, Ending, Row
from gatekeeper.storage.postgres.changes import digest
from gatekeeper.storage.postgres.commits import Commit
from gatekeeper.storage.postgres.connecting import Connection, WentBack, close, connect, run, timeline, what
from gatekeeper.storage.protocols import Bounds

R = TypeVar("R")
SEEN_FOR: Final = 7 * 86_400  # seconds in which a repetition is recognised
READ_WITHIN: Final = 1.0  # seconds for a look: callers that serve requests make it
QUEUED: Final = "accepted - delivered - dead - expired - cancelled"


class Tables:
    """One process's view of the database. `bounds` is swapped as a whole by a reload."""

    def __init__(
        self,
        url: str,
        bounds: Bounds,
        clock: Callable[[], float],
        node: Callable[[], str],
        known: Callable[[], str] = lambda: "",
    ) -> None:
        self.url = url
        self._known = known  # the highest timeline of a server that gave this process a lease or took its write
        self._timeline = ""  # of the server that is read
        self.bounds = bounds
        self.clock = clock
        self.node = node
        self.queued: dict[str, int] = {}  # rows in the books, by the last look at them
        self.unreleased: dict[str, int] = {}  # rows of ours whose line is not durable yet
        self._reading = threading.Lock()
        self._reader: Connection | None = None
        forks.register(self)

    def forked(self) -> None:
        """In a child: what is not durable yet is its parent's affair."""
        forks.leave_behind(self._reader)
        self._reading, self._reader, self.unreleased = threading.Lock(), None, {}

    def hold(self, commit: Commit, counts: dict[str, int], destination: str, count: int) -> None:
        """Count rows whose line is not durable yet; not in the books, but they take up room."""
        self.unreleased[destination] = self.unreleased.get(destination, 0) + count
        counts[destination] = counts.get(destination, 0) + count
        commit.undo.append(partial(self._let_go, destination, count))

    def _let_go(self, destination: str, count: int) -> None:
        self.unreleased[destination] = max(0, self.unreleased.get(destination, 0) - count)

    def let_go(self, commit: Commit, destination: str, count: int) -> None:
        """Rows are in the books now, or gone."""
        before = self.unreleased.get(destination, 0)
        self._let_go(destination, count)
        commit.undo.append(lambda: self.unreleased.update({destination: before}))

    def release(self, commit: Commit, counts: Mapping[str, int], *, accepted: bool) -> None:
        """Lines are durable: their rows are accepted now, and may be claimed; or another process sees to that."""
        for destination, count in counts.items():
            self.let_go(commit, destination, count)
            if accepted:
                commit.count(destination, accepted=count)
                self._queue(commit, destination, count)

    def _queue(self, commit: Commit, destination: str, count: int) -> None:
        before = self.queued.get(destination, 0)
        self.queued[destination] = max(0, before + count)
        commit.undo.append(lambda: self.queued.update({destination: before}))

    def look_at_books(self, commit: Commit) -> None:
        """How many rows are queued by the books of all processes."""
        found = run(commit.link, f"SELECT destination, sum({QUEUED})::bigint FROM book GROUP BY destination")
        for destination, count in found:
            own = commit.books.get(destination, {})  # written at the end
            ended = sum(own.get(name, 0) for name in ("delivered", "dead", "expired", "cancelled"))
            self.queued[destination] = count + own.get("accepted", 0) - ended

    def end(self, commit: Commit, destination: str, ending: Ending, attempt: int) -> None:
        """Rows end that were taken out of their packets: the payload goes, unless an operator may want to try."""
        rows = ending.rows
        if not rows:
            return
        ids = [*map(ID, rows)]
        whys = dict[int, str | None]()
        for row_id, why in run(commit.link, "DELETE FROM stop WHERE id = ANY(%s) RETURNING id, why", (ids,)):
            if ending.state == CANCELLED and ending.why is None:  # stopped while under way: it was said then, why
                whys[row_id] = why
        if ending.state == DEAD:
            self._keep_dead(commit, destination, ending, attempt)
        commit.count(destination, **{ending.state: len(rows)})
        self._queue(commit, destination, -len(rows))
        together: dict[str | None, list[Row]] = {}
        for row in rows:
            together.setdefault(whys.get(ID(row), ending.why), []).append(row)
        for why, those in together.items():
            commit.outcomes.append(self.line(destination, those, WORDS[ending.state], why, attempt))

    def _keep_dead(self, commit: Commit, destination: str, ending: Ending, attempt: int) -> None:
        values: list[Any] = []
        for row in ending.rows:
            values += (
                destination, row.request_id, row.event_time, [digest(one) for one in row.subjects],
                orjson.dumps((row.subjects, row.head, row.body)).decode(), attempt, ending.why or "", self.clock(),
            )  # fmt: skip
        places = ", ".join(["(%s, %s, %s, %s::bigint[], %s, %s, %s, %s)"] * len(ending.rows))
        run(
            commit.link,
            "INSERT INTO dead(destination, request_id, event_time, subjects, payload, attempts, why, at) "
            f"VALUES {places}",
            values,
        )

    def line(self, destination: str, rows: Sequence[Row], status: str, why: str | None, attempt: int) -> lines.Line:
        """The line that says what became of rows."""
        return lines.outcome_line(
            at=self.clock(),
            destination=destination,
            request_ids=[row.request_id for row in rows],
            status=status,
            why=why,
            attempts=attempt,
        )

    def stopped(self, link: Connection, destination: str) -> set[int]:
        """Rows of a destination that were cancelled while they were under way, and have not ended."""
        return {n for (n,) in run(link, "SELECT id FROM stop WHERE destination = %s", (destination,))}

    def read(self, look: Callable[[Connection], R], *, patience: float = READ_WITHIN) -> R:
        """Look at one state of the database, from any thread. Raises StorageError."""
        with work, self._reading:
            if self._reader is not None:
                with contextlib.suppress(psycopg.Error, OSError):
                    return self._look(look, patience)
            try:  # on a fresh connection: the other one may have broken since, and a look may be repeated
                return self._look(look, patience)
            except (psycopg.Error, OSError) as error:
                raise StorageError(f"the outbox cannot be read ({what(error)})") from None

    def _look(self, look: Callable[[Connection], R], patience: float) -> R:
        link = self._reader
        try:
            if link is None or link.closed or self._timeline < self._known():
                close(link)
                link = self._reader = connect(self.url, patience=READ_WITHIN)
                self._timeline = timeline(link)
                if self._timeline < self._known():  # a former primary came back: what it shows is over
                    raise WentBack("the database is one that another has taken over from")
            link.patience = patience
            run(link, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            found = look(link)
            run(link, "COMMIT")
            return found
        except BaseException:
            close(link)
            self._reader = None
            raise

    def close(self) -> None:
        """Close the reader; the next look opens another one."""
        with work, self._reading:
            close(self._reader)
            self._reader = None
