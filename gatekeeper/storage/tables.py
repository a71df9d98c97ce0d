"""What the parts of the embedded store share: destinations by number, the books, how rows end, reading.

What takes a `Commit` runs in the thread that writes, inside a transaction.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw
import orjson

from gatekeeper.audit import lines
from gatekeeper.errors import StorageError
from gatekeeper.installation import forks
from gatekeeper.installation.forks import work
from gatekeeper.storage import database
from gatekeeper.storage.commits import Commit
from gatekeeper.storage.database import run
from gatekeeper.storage.outbox import CANCELLED, DEAD, ID, WORDS, Ending, Flight, Row
from gatekeeper.storage.protocols import Bounds
from gatekeeper.storage.rows import SHIFT, load, stopped_ids

R = TypeVar("R")
SEEN_FOR: Final = 7 * 86_400  # seconds in which a repetition is recognised


class Tables:
    """One process's view of the database. `bounds` is swapped as a whole by a reload."""

    def __init__(self, path: Path, bounds: Bounds, clock: Callable[[], float]) -> None:
        self.path = path
        self.bounds = bounds
        self.clock = clock
        self.numbers: dict[str, int] = {}
        self.by_number: dict[int, str] = {}
        self.queued: dict[int, int] = {}  # by number: rows in the books
        self.unreleased: dict[int, int] = {}  # by number: rows of ours whose line is not durable yet
        self._next_flight: int | None = None
        self._reading = threading.Lock()
        self._reader: apsw.Connection | None = None
        self.looks = 0  # how often a reader was opened
        forks.register(self)

    def register(self, commit: Commit, names: Iterable[str] = ()) -> None:
        """Give the policy's destinations, and `names`, their numbers, and know everybody's."""
        for name in (*self.bounds.destinations, *names):
            run(commit.db, "INSERT INTO destination(name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
        # A number that is rolled back may become another destination's.
        commit.undo.append(partial(self._know, self.numbers))
        self._know({name: no for no, name in run(commit.db, "SELECT no, name FROM destination")})

    def _know(self, numbers: dict[str, int]) -> None:
        self.numbers, self.by_number = numbers, {no: name for name, no in numbers.items()}

    def number(self, commit: Commit, destination: str) -> int:
        """The number that stands for a destination in row ids."""
        if destination not in self.numbers:
            self.register(commit, (destination,))
        return self.numbers[destination]

    def hold(self, commit: Commit, no: int, count: int) -> None:
        """Count rows whose line is not durable yet; not in the books, but they take up room."""
        self.unreleased[no] = self.unreleased.get(no, 0) + count
        commit.undo.append(partial(self._let_go, no, count))

    def _let_go(self, no: int, count: int) -> None:
        self.unreleased[no] = max(0, self.unreleased.get(no, 0) - count)

    def let_go(self, commit: Commit, no: int, count: int) -> None:
        """Rows are in the books now, or gone."""
        self._let_go(no, count)
        commit.undo.append(lambda: self.unreleased.update({no: self.unreleased.get(no, 0) + count}))

    def release(self, commit: Commit, ranges: Sequence[tuple[int, int]]) -> None:
        """Lines are durable: their rows are accepted now, and may be claimed."""
        counts: dict[int, int] = {}
        for first, last in ranges:
            counts[first >> SHIFT] = counts.get(first >> SHIFT, 0) + last - first + 1
        run(
            commit.db,
            "UPDATE destination SET accepted = accepted + (new.value ->> 1), queued = queued + (new.value ->> 1) "
            "FROM json_each(?) AS new WHERE no = new.value ->> 0",
            (orjson.dumps(list(counts.items())).decode(),),
        )
        for no, count in counts.items():
            self.let_go(commit, no, count)
            self.queued[no] = self.queued.get(no, 0) + count

    def hidden(self, commit: Commit) -> list[tuple[int, int]]:
        """Spans of rows, first and last id, whose decision line is not durable yet: nothing may leave of them.

        Those that this very commit brings, or takes over from an ended process, are among them.
        """
        spans = [*commit.adopted, *commit.ranges]
        for (text,) in run(commit.db, "SELECT ranges FROM unwritten WHERE ranges != ''"):
            spans += [(first, last) for first, last in orjson.loads(text)]
        return spans

    def end(
        self, commit: Commit, no: int, ending: Ending, attempt: int, requests: Sequence[Sequence[Row]] | None = None
    ) -> None:
        """Rows end: the payload goes, unless an operator may still want to try by hand.

        `requests`: the same rows, as they were sent together; without it, they were in one request, or in none.
        """
        if not ending.rows:
            return
        ids = sorted(map(ID, ending.rows))
        if ending.state == DEAD:
            run(
                commit.db,
                "INSERT OR REPLACE INTO dead SELECT id, payload, ?, ?, ? FROM outbox "
                "WHERE id IN (SELECT value FROM json_each(?))",
                (attempt, ending.why or "", self.clock(), orjson.dumps(ids).decode()),
            )
        which: tuple[str, tuple[Any, ...]] = ("id BETWEEN ? AND ?", (ids[0], ids[-1]))
        if ids[-1] - ids[0] + 1 != len(ids):
            which = ("id IN (SELECT value FROM json_each(?))", (orjson.dumps(ids).decode(),))
        run(commit.db, f"DELETE FROM outbox WHERE {which[0]}", which[1])  # noqa: S608  # ours
        gone = commit.db.changes()
        whys = dict[int, str | None]()
        if ending.state == CANCELLED and ending.why is None:  # stopped while under way: it was said then, why
            whys = dict(run(commit.db, f"SELECT id, why FROM stop WHERE {which[0]}", which[1]))  # noqa: S608  # ours
        run(commit.db, f"DELETE FROM stop WHERE {which[0]}", which[1])  # noqa: S608  # ours
        run(
            commit.db,
            f"UPDATE destination SET queued = queued - ?, {ending.state} = {ending.state} + ? WHERE no = ?",  # noqa: S608  # one of STATES
            (gone, gone, no),
        )
        self.queued[no] = self.queued.get(no, gone) - gone
        for request in requests or [ending.rows]:
            together: dict[str | None, list[Row]] = {}
            for row in request:
                together.setdefault(whys.get(ID(row), ending.why), []).append(row)
            for why, rows in together.items():
                commit.outcomes.append(self.line(no, rows, WORDS[ending.state], why, attempt))

    def line(self, no: int, rows: Sequence[Row], status: str, why: str | None, attempt: int) -> lines.Line:
        """The line that says what became of rows."""
        return lines.outcome_line(
            at=self.clock(),
            destination=self.by_number[no],
            request_ids=[row.request_id for row in rows],
            status=status,
            why=why,
            attempts=attempt,
        )

    def rows(self, commit: Commit, start: int, end: int, hidden: Sequence[tuple[int, int]], limit: int) -> list[Row]:
        """Rows between two ids, without the hidden spans."""
        rows: list[Row] = []
        for first, last in [*sorted(hidden), (end, end)]:
            if first > start + 1 and len(rows) < limit:
                rows += load(
                    commit.db, "WHERE id > ? AND id < ? ORDER BY id LIMIT ?", (start, first, limit - len(rows))
                )
            start = max(start, last)
        return rows

    def without_stopped(self, commit: Commit, no: int, rows: list[Row], busy: Collection[object] = ()) -> list[Row]:
        """Rows without those that were cancelled while they were under way: these end."""
        stopped = stopped_ids(commit.db, no).difference(busy)
        if stopped:
            self.end(commit, no, Ending(CANCELLED, None, tuple(row for row in rows if row.id in stopped)), 0)
            rows = [row for row in rows if row.id not in stopped]
        return rows

    def fly(self, commit: Commit, destination: str, attempt: int, requests: Sequence[Sequence[Row]]) -> list[Flight]:
        """Write down that rows are under way, a flight for those of each request."""
        flights = [Flight(self.flight_id(commit), destination, attempt, tuple(rows)) for rows in requests]
        if flights:
            run(
                commit.db,
                "INSERT INTO flight SELECT value ->> 0, ?, ?, value -> 1 FROM json_each(?)",
                (
                    self.numbers[destination],
                    attempt,
                    orjson.dumps([(flight.id, [*map(ID, flight.rows)]) for flight in flights]).decode(),
                ),
            )
        return flights

    def flight_id(self, commit: Commit, *, fresh: bool = False) -> int:
        """An id that no flight has had since this process leads; `fresh` where another process did so before."""
        if self._next_flight is None or fresh:
            ((last,),) = run(commit.db, "SELECT coalesce(max(id), 0) FROM flight")
            self._next_flight = max(last + 1, self._next_flight or 0)
        self._next_flight += 1
        return self._next_flight - 1

    def read(self, look: Callable[[apsw.Connection], R]) -> R:
        """Look at one state of the database, from any thread. Raises StorageError."""
        with work, self._reading:
            try:
                if self._reader is None:
                    self._reader = database.connect(self.path, read_only=True)
                    self.looks += 1
                db = self._reader
                run(db, "BEGIN")
                try:
                    return look(db)
                finally:
                    run(db, "COMMIT")
            except apsw.Error as error:
                self._reader = None
                what = type(error).__name__.removesuffix("Error").lower()
                raise StorageError(f"the outbox cannot be read ({what})") from None

    def close(self) -> None:
        """Close the reader; the next look opens another one."""
        with work, self._reading:
            if self._reader is not None:
                with contextlib.suppress(apsw.Error):
                    self._reader.close()
            self._reader = None

    def parted(self) -> None:
        """Before a fork: the next look opens another reader."""
        if self._reader is not None:
            database.part(self._reader)
        self._reader = None

    def forked(self) -> None:
        """In a child: what is not durable yet is its parent's affair."""
        self._reading, self.unreleased, self._next_flight = threading.Lock(), {}, None
