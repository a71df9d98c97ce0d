"""What the parts of the embedded outbox share: destinations by number, the books, how rows end, reading."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw
import orjson

from gatekeeper.audit import lines
from gatekeeper.errors import StorageError
from gatekeeper.storage import database
from gatekeeper.storage.commits import Commit, Committer
from gatekeeper.storage.database import run
from gatekeeper.storage.outbox import (
    CANCELLED,
    DEAD,
    DELIVERED,
    Ending,
    Flight,
    Row,
)
from gatekeeper.storage.rows import ID, SHIFT, load, stopped_ids

R = TypeVar("R")
SEEN_FOR: Final = 7 * 86_400  # seconds in which a repetition is recognised
_WORD: Final = {DEAD: "failed", "expired": "failed", CANCELLED: "cancelled", DELIVERED: "delivered"}


class Tables:
    """State of one process's view; everything that takes a `Commit` runs in the thread that writes."""

    path: Path
    max_queued: int
    _commits: Committer

    def __init__(self, path: Path, destinations: Iterable[str], clock: Callable[[], float], max_queued: int) -> None:
        self.path = path
        self.max_queued = max_queued
        self._clock = clock
        self._names = tuple(destinations)
        self._numbers: dict[str, int] = {}
        self._by_number: dict[int, str] = {}
        self._queued: dict[int, int] = {}
        self._unreleased: dict[int, int] = {}
        self._next_flight: int | None = None
        self._reading = threading.Lock()
        self._reader: tuple[int, apsw.Connection] | None = None

    def _register(self, db: apsw.Connection, names: Iterable[str]) -> None:
        for name in names:
            run(db, "INSERT INTO destination(name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
        self._numbers = {name: no for no, name in run(db, "SELECT no, name FROM destination")}
        self._by_number = {no: name for name, no in self._numbers.items()}

    def _number(self, commit: Commit, destination: str) -> int:
        if destination not in self._numbers:
            self._register(commit.db, (*self._names, destination))
        return self._numbers[destination]

    def _release(self, commit: Commit, ranges: Sequence[tuple[int, int]]) -> None:
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
            self._unreleased[no] = max(0, self._unreleased.get(no, 0) - count)
            self._queued[no] = self._queued.get(no, 0) + count

    def _end(self, commit: Commit, no: int, ending: Ending, attempt: int) -> None:
        """Rows end: the payload goes, unless somebody may still want to try by hand."""
        if not ending.rows:
            return
        ids = sorted(map(ID, ending.rows))
        if ending.state == DEAD:
            run(
                commit.db,
                "INSERT OR REPLACE INTO dead SELECT id, frame, ?, ?, ? FROM outbox "
                "WHERE id IN (SELECT value FROM json_each(?))",
                (attempt, ending.why or "", self._clock(), orjson.dumps(ids).decode()),
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
        self._queued[no] = self._queued.get(no, gone) - gone
        together: dict[str | None, list[Row]] = {}
        for row in ending.rows:
            together.setdefault(whys.get(row.id, ending.why), []).append(row)
        for why, rows in together.items():
            commit.outcomes.append(self._line(self._by_number[no], rows, _WORD[ending.state], why, attempt))

    def _line(self, destination: str, rows: Sequence[Row], status: str, why: str | None, attempt: int) -> lines.Line:
        return lines.outcome_line(
            at=self._clock(),
            destination=destination,
            request_ids=[row.request_id for row in rows],
            status=status,
            why=why,
            attempts=attempt,
        )

    def _rows(self, commit: Commit, start: int, end: int, hidden: Sequence[tuple[int, int]], limit: int) -> list[Row]:
        """Rows between two ids, without the spans whose lines are not durable."""
        found: list[Row] = []
        for first, last in [*sorted(hidden), (end, end)]:
            if first > start + 1 and len(found) < limit:
                found += load(
                    commit.db, "WHERE id > ? AND id < ? ORDER BY id LIMIT ?", (start, first, limit - len(found))
                )
            start = max(start, last)
        return found

    def _without_stopped(self, commit: Commit, no: int, rows: list[Row], busy: Collection[int] = ()) -> list[Row]:
        stopped = stopped_ids(commit.db, no) - set(busy)
        if stopped:
            self._end(commit, no, Ending(CANCELLED, None, tuple(row for row in rows if row.id in stopped)), 0)
            rows = [row for row in rows if row.id not in stopped]
        return rows

    def _fly(self, commit: Commit, destination: str, attempt: int, rows: Sequence[Row]) -> Flight:
        if self._next_flight is None:
            ((last,),) = run(commit.db, "SELECT coalesce(max(id), 0) FROM flight")
            self._next_flight = last + 1
        flight = Flight(self._next_flight, destination, attempt, tuple(rows))
        self._next_flight += 1
        run(
            commit.db,
            "INSERT INTO flight VALUES (?, ?, ?, ?)",
            (flight.id, self._numbers[destination], attempt, orjson.dumps([*map(ID, rows)]).decode()),
        )
        return flight

    def _read(self, look: Callable[[apsw.Connection], R]) -> R:
        """Look at one state of the database, from any thread."""
        with self._reading:
            try:
                if self._reader is None or self._reader[0] != os.getpid():
                    self._reader = (os.getpid(), database.connect(self.path, read_only=True))
                db = self._reader[1]
                run(db, "BEGIN")
                try:
                    return look(db)
                finally:
                    run(db, "COMMIT")
            except apsw.Error as error:
                self._reader = None
                what = type(error).__name__.removesuffix("Error").lower()
                raise StorageError(f"the outbox cannot be read ({what})") from None
