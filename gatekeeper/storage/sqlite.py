"""The embedded outbox: one SQLite file for all workers of a node.

Row ids are (destination number << 40) + a sequence: one table without a second index, in which every destination's
rows lie together in the order of their arrival. `frame` is the rest of a row as a JSON array, so that many rows go
in, and come out, with one statement.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw
import orjson

from gatekeeper import ids as request_ids
from gatekeeper.audit import lines
from gatekeeper.errors import StorageError
from gatekeeper.reasons import DUPLICATE
from gatekeeper.storage import database
from gatekeeper.storage.commits import Commit, Committer, NotYet, Recording
from gatekeeper.storage.database import run
from gatekeeper.storage.outbox import (
    CANCELLED,
    DEAD,
    DELIVERED,
    Again,
    Arrival,
    Claimed,
    Count,
    DeadLetter,
    Ending,
    Flight,
    Row,
)

R = TypeVar("R")
_SHIFT: Final = 40
SEEN_FOR: Final = 7 * 86_400  # seconds in which a repetition is recognised
_FAILED: Final = {DEAD: "failed", "expired": "failed", CANCELLED: "cancelled", DELIVERED: "delivered"}
_READ: Final = "'[' || id || ',' || substr(frame, 2)"  # a row, id and all, as one JSON array


class SqliteOutbox:
    """See `gatekeeper.storage.outbox.Outbox`. Threads and files are opened with the first use, after any fork."""

    def __init__(
        self,
        path: Path,
        destinations: Iterable[str],
        recorder: Recording,
        *,
        clock: Callable[[], float] = time.time,
        max_queued: int = 1_000_000,
    ) -> None:
        self.path = path
        self.max_queued = max_queued
        self.woken: Callable[[], None] = lambda: None
        self._clock = clock
        self._names = tuple(destinations)
        self._numbers: dict[str, int] = {}
        self._by_number: dict[int, str] = {}
        self._queued: dict[int, int] = {}
        self._unreleased: dict[int, int] = {}
        self._looked = 0.0
        self._next_flight: int | None = None
        self._reading = threading.Lock()
        self._reader: tuple[int, apsw.Connection] | None = None
        self._commits = Committer(
            path,
            recorder,
            finish=self._finish,
            released=self._release,
            refused=self._take_back,
            notify=lambda: self.woken(),
            clock=clock,
        )

    def use(self, destinations: Iterable[str], max_queued: int) -> None:
        """Another policy's destinations, from now on."""
        self._names, self.max_queued = tuple(destinations), max_queued

    def failing(self) -> str | None:
        """What is wrong with the store; `None` if the last commit went well."""
        return self._commits.failure

    def close(self) -> None:
        """Commit what waits and close the files; the next use opens them again."""
        self._commits.close()
        with self._reading:
            if self._reader is not None:
                with contextlib.suppress(apsw.Error):
                    self._reader[1].close()
            self._reader = None

    def room(self, destination: str, count: int) -> bool:
        """Whether `count` more rows can be kept, by what the last commit saw."""
        no = self._numbers.get(destination)
        if no is None:
            return count <= self.max_queued
        if self._queued.get(no, 0) + self._unreleased.get(no, 0) + count <= self.max_queued:
            return True
        if time.monotonic() - self._looked > 0.05:  # perhaps another worker delivered since
            with contextlib.suppress(StorageError):
                self._commits.submit(lambda commit: None).result(1.0)
        return self._queued.get(no, 0) + self._unreleased.get(no, 0) + count <= self.max_queued

    def waiting(self, destination: str) -> int:
        """About how many rows of a destination are queued, claimed ones included."""
        return self._queued.get(self._numbers.get(destination, -1), 0)

    # Accepting.

    def accept(self, arrivals: Sequence[Arrival]) -> Future[list[str]]:
        """Keep arrivals; done with their request ids when their lines are durable."""
        return self._commits.submit(partial(_arrive, tuple(arrivals)), recorded=True)

    def _finish(self, commit: Commit) -> None:
        """Complete a commit: all arrivals of all callers at once."""
        if not self._numbers.keys() >= set(self._names):
            self._register(commit.db, self._names)
        if commit.arrivals:
            self._insert(commit, self._new(commit))
        if time.monotonic() - self._looked > 0.05:
            self._looked = time.monotonic()
            self._queued = dict(run(commit.db, "SELECT no, queued FROM destination"))

    def _new(self, commit: Commit) -> dict[int, list[tuple[Any, ...]]]:
        """Frames by destination number, of what is not there already; fills in the callers' request ids."""
        known = self._seen(commit)
        fresh: dict[int, tuple[bytes, str, list[int]]] = {}
        frames: dict[int, list[tuple[Any, ...]]] = {}
        now = self._clock()
        for arrivals, answer in commit.arrivals:
            for one in arrivals:
                jobs = one.jobs
                if one.key is not None and jobs:
                    key = _key(one.key)
                    first = known.get(key)
                    if first is None:
                        first = known[key] = fresh[key] = (one.key[8:], one.request_id, [])
                        commit.keys.append((key, None))
                    elif first[0] == one.key[8:]:
                        jobs = tuple(job for job in jobs if self._number(commit, job.destination) not in first[2])
                        if not jobs:
                            answer.append(first[1])
                            continue
                        for job in one.jobs:
                            if job not in jobs:
                                line = lines.outcome_line(
                                    at=now,
                                    destination=job.destination,
                                    request_ids=[one.request_id],
                                    status="blocked",
                                    why=DUPLICATE,
                                    attempts=0,
                                )
                                commit.outcomes.append(line)
                        if key not in fresh:
                            commit.keys.append((key, orjson.dumps(first[2]).decode()))
                            fresh[key] = first
                    first[2].extend(self._number(commit, job.destination) for job in jobs)
                answer.append(one.request_id)
                commit.decisions.append(one.line)
                subjects = " ".join(one.subjects)
                for job in jobs:
                    frames.setdefault(self._number(commit, job.destination), []).append(
                        (one.request_id, job.event_time, subjects, job.head.decode(), job.body.decode())
                    )
        if fresh:
            rows = [(key, rest.hex(), request_id, numbers) for key, (rest, request_id, numbers) in fresh.items()]
            run(
                commit.db,
                "INSERT OR REPLACE INTO seen SELECT value ->> 0, unhex(value ->> 1), value ->> 2, value -> 3, ? "
                "FROM json_each(?)",
                (int(now), orjson.dumps(rows).decode()),
            )
        return frames

    def _seen(self, commit: Commit) -> dict[int, tuple[bytes, str, list[int]]]:
        """What is known of the keys that arrived."""
        keys = [
            _key(one.key) for arrivals, _ in commit.arrivals for one in arrivals if one.key is not None and one.jobs
        ]
        if not keys:
            return {}
        found = run(
            commit.db,
            "SELECT key, rest, request_id, destinations FROM seen "
            "WHERE key IN (SELECT value FROM json_each(?)) AND at > ?",
            (orjson.dumps(keys).decode(), int(self._clock()) - SEEN_FOR),
        )
        for _, _, request_id, _ in found:
            if run(commit.db, "SELECT 1 FROM unwritten WHERE instr(lines, ?)", (request_id.encode(),)):
                raise NotYet
        return {key: (rest, request_id, orjson.loads(numbers)) for key, rest, request_id, numbers in found}

    def _insert(self, commit: Commit, frames: Mapping[int, list[tuple[Any, ...]]]) -> None:
        if not frames:
            return
        counts = orjson.dumps([(no, len(rows)) for no, rows in frames.items()]).decode()
        taken = run(
            commit.db,
            "UPDATE destination SET seq = seq + (new.value ->> 1) FROM json_each(?) AS new "
            "WHERE no = new.value ->> 0 RETURNING no, seq",
            (counts,),
        )
        for no, last in taken:
            rows = frames[no]
            first = (no << _SHIFT) + last - len(rows) + 1
            run(
                commit.db,
                "INSERT INTO outbox SELECT ? + key, value FROM json_each(?)",
                (first, orjson.dumps(rows).decode()),
            )
            commit.ranges.append((first, first + len(rows) - 1))
            self._unreleased[no] = self._unreleased.get(no, 0) + len(rows)

    def _release(self, commit: Commit, ranges: Sequence[tuple[int, int]]) -> None:
        """Lines are durable: their rows are accepted now, and may be claimed."""
        counts: dict[int, int] = {}
        for first, last in ranges:
            counts[first >> _SHIFT] = counts.get(first >> _SHIFT, 0) + last - first + 1
        run(
            commit.db,
            "UPDATE destination SET accepted = accepted + (new.value ->> 1), queued = queued + (new.value ->> 1) "
            "FROM json_each(?) AS new WHERE no = new.value ->> 0",
            (orjson.dumps(list(counts.items())).decode(),),
        )
        for no, count in counts.items():
            self._unreleased[no] = max(0, self._unreleased.get(no, 0) - count)
            self._queued[no] = self._queued.get(no, 0) + count

    def _take_back(self, commit: Commit, refused: Commit) -> None:
        """The log did not take the lines: nothing of these arrivals was accepted."""
        for first, last in refused.ranges:
            run(commit.db, "DELETE FROM outbox WHERE id BETWEEN ? AND ?", (first, last))
            run(commit.db, "DELETE FROM stop WHERE id BETWEEN ? AND ?", (first, last))
            no = first >> _SHIFT
            self._unreleased[no] = max(0, self._unreleased.get(no, 0) - (last - first + 1))
        for key, before in refused.keys:
            if before is None:
                run(commit.db, "DELETE FROM seen WHERE key = ?", (key,))
            else:
                run(commit.db, "UPDATE seen SET destinations = ? WHERE key = ?", (before, key))

    def _register(self, db: apsw.Connection, names: Iterable[str]) -> None:
        for name in names:
            run(db, "INSERT INTO destination(name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
        self._numbers = {name: no for no, name in run(db, "SELECT no, name FROM destination")}
        self._by_number = {no: name for name, no in self._numbers.items()}

    def _number(self, commit: Commit, destination: str) -> int:
        if destination not in self._numbers:
            self._register(commit.db, (*self._names, destination))
        return self._numbers[destination]

    # Claiming and settling: the deliverer's.

    def claim(
        self, destination: str, *, after: int, events: int, size: int, flights: int, busy: Collection[int]
    ) -> Future[Claimed]:
        """New flights of rows past `after` that are accepted, not under way and not waiting for another attempt."""

        def do(commit: Commit) -> Claimed:
            no = self._number(commit, destination)
            start, end = max(after, no << _SHIFT), (no + 1) << _SHIFT
            hidden = [span for span in _unreleased(commit.db) if span[0] >> _SHIFT == no and span[1] > start]
            rows = self._rows(commit, start, end, hidden, max(events, 64))
            more = len(rows) >= max(events, 64)
            rows = self._without_stopped(commit, no, rows)
            batches, taken = _batches(rows, busy, events, size, flights)
            if taken < len(rows):
                more, reached = True, rows[taken - 1].id if taken else start
            else:
                reached = rows[-1].id if rows else start
            if hidden:  # what is hidden now must be found by a later claim
                reached = min(reached, min(span[0] for span in hidden) - 1)
            return Claimed(tuple(self._fly(commit, destination, 1, batch) for batch in batches), reached, more)

        return self._commits.submit(do)

    def claim_again(self, destination: str, again: Again) -> Future[Flight | None]:
        """One flight of rows whose time has come."""

        def do(commit: Commit) -> Flight | None:
            wanted = orjson.dumps(again.ids).decode()
            rows = _load(commit.db, "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", (wanted,))
            rows = self._without_stopped(commit, self._number(commit, destination), rows)
            run(commit.db, "DELETE FROM again WHERE id IN (SELECT value FROM json_each(?))", (wanted,))
            return self._fly(commit, destination, again.attempt + 1, rows) if rows else None

        return self._commits.submit(do)

    def settle(
        self, flight: Flight, endings: Sequence[Ending], again: Sequence[Again], why: str | None, landed: bool
    ) -> Future[None]:
        """What became of rows of a flight; the outcome lines are written after the commit."""

        def do(commit: Commit) -> None:
            no = self._number(commit, flight.destination)
            for ending in endings:
                self._end(commit, no, ending, flight.attempt)
            rows = {row.id: row for row in flight.rows}
            for wait in again:
                waiting = [rows[row_id] for row_id in wait.ids]
                stopped = _stopped(commit.db, no)
                if stopped & set(wait.ids):
                    ended = tuple(row for row in waiting if row.id in stopped)
                    self._end(commit, no, Ending(CANCELLED, None, ended), flight.attempt)
                    waiting = [row for row in waiting if row.id not in stopped]
                if not waiting:
                    continue
                run(
                    commit.db,
                    "INSERT OR REPLACE INTO again SELECT value, ?, ?, ? FROM json_each(?)",
                    (wait.attempt, wait.due, why, orjson.dumps([row.id for row in waiting]).decode()),
                )
                run(commit.db, "UPDATE destination SET retried = retried + ? WHERE no = ?", (len(waiting), no))
                commit.outcomes.append(self._line(flight.destination, waiting, "pending", why, flight.attempt))
            if landed:
                run(commit.db, "DELETE FROM flight WHERE id = ?", (flight.id,))
            else:
                over = {row.id for ending in endings for row in ending.rows} | {i for wait in again for i in wait.ids}
                left = [
                    row_id
                    for (text,) in run(commit.db, "SELECT ids FROM flight WHERE id = ?", (flight.id,))
                    for row_id in orjson.loads(text)
                    if row_id not in over
                ]
                run(commit.db, "UPDATE flight SET ids = ? WHERE id = ?", (orjson.dumps(left).decode(), flight.id))

        return self._commits.submit(do)

    def _end(self, commit: Commit, no: int, ending: Ending, attempt: int) -> None:
        """Rows end: the payload goes, unless somebody may still want to try by hand."""
        if not ending.rows:
            return
        ids = [row.id for row in ending.rows]
        if ending.state == DEAD:
            run(
                commit.db,
                "INSERT OR REPLACE INTO dead SELECT id, frame, ?, ?, ? FROM outbox "
                "WHERE id IN (SELECT value FROM json_each(?))",
                (attempt, ending.why or "", self._clock(), orjson.dumps(ids).decode()),
            )
        if ids[-1] - ids[0] + 1 == len(ids):
            run(commit.db, "DELETE FROM outbox WHERE id BETWEEN ? AND ?", (ids[0], ids[-1]))
        else:
            run(
                commit.db,
                "DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?))",
                (orjson.dumps(ids).decode(),),
            )
        gone = commit.db.changes()
        run(commit.db, "DELETE FROM stop WHERE id BETWEEN ? AND ?", (ids[0], ids[-1]))
        run(
            commit.db,
            f"UPDATE destination SET queued = queued - ?, {ending.state} = {ending.state} + ? WHERE no = ?",  # noqa: S608  # one of STATES
            (gone, gone, no),
        )
        self._queued[no] = self._queued.get(no, gone) - gone
        commit.outcomes.append(self._line(self._by_number[no], ending.rows, _FAILED[ending.state], ending.why, attempt))

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
                found += _load(
                    commit.db, "WHERE id > ? AND id < ? ORDER BY id LIMIT ?", (start, first, limit - len(found))
                )
            start = max(start, last)
        return found

    def _without_stopped(self, commit: Commit, no: int, rows: list[Row]) -> list[Row]:
        stopped = _stopped(commit.db, no)
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
            (flight.id, self._numbers[destination], attempt, orjson.dumps([row.id for row in rows]).decode()),
        )
        return flight

    # Taking over after a crash: the deliverer's, too.

    def adopt(self, missing: Callable[[Sequence[lines.Line], float], list[lines.Line]]) -> Future[int]:
        """Write the lines that ended processes could not, and release their rows; the number of their commits.

        `missing(lines, since)` says which lines the log does not have yet.
        """

        def do(commit: Commit) -> int:
            adopted = 0
            for record, owner, at, ranges, blob in run(
                commit.db,
                "SELECT id, owner, at, ranges, lines FROM unwritten WHERE owner != ? ORDER BY id",
                (commit.owner.name,),
            ):
                if not commit.owner.gone(owner):
                    continue
                run(commit.db, "DELETE FROM unwritten WHERE id = ?", (record,))
                commit.outcomes += missing(lines.unpack(blob), at)
                spans = [(first, last) for first, last in orjson.loads(ranges or "[]")]
                commit.adopted += spans
                for first, last in spans:
                    no = first >> _SHIFT
                    self._unreleased[no] = self._unreleased.get(no, 0) + last - first + 1
                adopted += 1
            if adopted and not (commit.outcomes or commit.decisions or commit.arrivals):
                self._release(commit, commit.adopted)  # the log has all of it
                commit.adopted.clear()
            return adopted

        return self._commits.submit(do)

    def abandoned(self) -> Future[tuple[list[Flight], list[tuple[str, Again]]]]:
        """Flights of a deliverer that ended, and rows that wait for another attempt; flights get a new number."""

        def do(commit: Commit) -> tuple[list[Flight], list[tuple[str, Again]]]:
            self._next_flight = None
            flights = []
            for flight_id, no, attempt, ids in run(commit.db, "SELECT * FROM flight"):
                rows = _load(commit.db, "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", (ids,))
                if rows and no in self._by_number:
                    flights.append(Flight(flight_id, self._by_number[no], attempt, tuple(rows)))
                else:
                    run(commit.db, "DELETE FROM flight WHERE id = ?", (flight_id,))
            waiting: dict[tuple[int, int, float, str | None], list[int]] = {}
            for row_id, attempt, due, why in run(commit.db, "SELECT * FROM again ORDER BY id"):
                waiting.setdefault((row_id >> _SHIFT, attempt, due, why), []).append(row_id)
            again = [
                (self._by_number[no], Again(due, attempt, tuple(ids)))
                for (no, attempt, due, _), ids in waiting.items()
                if no in self._by_number
            ]
            return flights, again

        def registered(commit: Commit) -> tuple[list[Flight], list[tuple[str, Again]]]:
            self._register(commit.db, self._names)
            return do(commit)

        return self._commits.submit(registered)

    def reckon(self) -> Future[dict[str, tuple[int, int]]]:
        """Compare the books with the rows, and correct them: destination -> (booked, there), where they differed."""

        def do(commit: Commit) -> dict[str, tuple[int, int]]:
            hidden = _unreleased(commit.db)
            wrong = {}
            for no, name, queued in run(commit.db, "SELECT no, name, queued FROM destination"):
                ((there,),) = run(
                    commit.db,
                    "SELECT count(*) FROM outbox WHERE id BETWEEN ? AND ?",
                    (no << _SHIFT, ((no + 1) << _SHIFT) - 1),
                )
                there -= sum(last - first + 1 for first, last in hidden if first >> _SHIFT == no)
                if there != queued:
                    wrong[name] = (queued, there)
                    run(
                        commit.db,
                        "UPDATE destination SET queued = ?, accepted = accepted + ? WHERE no = ?",
                        (there, there - queued, no),
                    )
            return wrong

        return self._commits.submit(do)

    def bury(self, destinations: Collection[str], why: str) -> Future[int]:
        """Make dead letters of all rows of destinations other than these: the policy does not have theirs any more."""

        def do(commit: Commit) -> int:
            buried = 0
            for no, name in run(commit.db, "SELECT no, name FROM destination WHERE queued > 0"):
                if name not in destinations:
                    hidden = [span for span in _unreleased(commit.db) if span[0] >> _SHIFT == no]
                    rows = self._rows(commit, no << _SHIFT, (no + 1) << _SHIFT, hidden, 10_000)
                    flying = _flying(commit.db)
                    rows = [row for row in rows if row.id not in flying]
                    self._by_number.setdefault(no, name)
                    self._end(commit, no, Ending(DEAD, why, tuple(rows)), 0)
                    _forget_waiting(commit.db, [row.id for row in rows])
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
                    (no << _SHIFT, ((no + 1) << _SHIFT) - 1, self.max_queued),
                )
            width = 2**64 // 1024
            low = -(2**63) + (slice_of % 1024) * width
            run(
                commit.db,
                "DELETE FROM seen WHERE key BETWEEN ? AND ? AND at < ?",
                (low, low + width - 1, int(now) - SEEN_FOR),
            )

        return self._commits.submit(do)

    def checkpoint(self) -> Future[None]:
        """Copy the write-ahead log into the database. The deliverer's alone, while nobody of us writes."""

        def copy(db: apsw.Connection) -> None:
            with contextlib.suppress(apsw.BusyError):
                run(db, "PRAGMA wal_checkpoint(PASSIVE)")

        return self._commits.submit(lambda commit: commit.after.append(copy))

    # Cancelling, dead letters, counting.

    def cancel(self, subjects: Collection[str], destinations: Collection[str] | None = None) -> Future[int]:
        """End every row that carries one of the pseudonyms; one under way gets no further attempt."""

        def do(commit: Commit) -> int:
            flying = _flying(commit.db)
            hidden = _unreleased(commit.db)
            ended: dict[int, dict[int, Row]] = {}
            for subject in subjects:
                for row in _load(commit.db, "WHERE instr(frame, ?)", (subject,)):
                    no = row.id >> _SHIFT
                    if subject not in row.subjects.split() or (
                        destinations is not None and self._by_number.get(no) not in destinations
                    ):
                        continue
                    if row.id in flying or any(first <= row.id <= last for first, last in hidden):
                        run(commit.db, "INSERT OR IGNORE INTO stop VALUES (?)", (row.id,))
                    else:
                        ended.setdefault(no, {})[row.id] = row
                run(
                    commit.db,
                    "DELETE FROM dead WHERE instr(frame, ?) AND (? OR id >> ? IN (SELECT value FROM json_each(?)))",
                    (
                        subject,
                        destinations is None,
                        _SHIFT,
                        orjson.dumps([self._numbers.get(name, -1) for name in destinations or ()]).decode(),
                    ),
                )
            for no, rows in ended.items():
                _forget_waiting(commit.db, list(rows))
                self._end(commit, no, Ending(CANCELLED, None, tuple(rows.values())), 0)
            return sum(map(len, ended.values()))

        def registered(commit: Commit) -> int:
            self._register(commit.db, self._names)
            return do(commit)

        return self._commits.submit(registered)

    def count(self) -> dict[str, Count]:
        """Every destination's books, read in one transaction."""

        def look(db: apsw.Connection) -> dict[str, Count]:
            found = {}
            for no, name, *numbers in run(
                db, "SELECT no, name, accepted, queued, delivered, dead, expired, cancelled, retried FROM destination"
            ):
                oldest = None
                if numbers[1]:
                    for (request_id,) in run(
                        db,
                        "SELECT frame ->> 0 FROM outbox WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1",
                        (no << _SHIFT, ((no + 1) << _SHIFT) - 1),
                    ):
                        oldest = request_ids.milliseconds(request_id) / 1000
                accepted, queued, delivered, dead, expired, cancelled, retried = numbers
                found[name] = Count(accepted, queued, delivered, dead, expired, cancelled, retried, oldest)
            return found

        return self._read(look)

    def idle(self) -> bool:
        """Whether every row has ended and every line is written."""
        return self._read(
            lambda db: (
                not run(
                    db, "SELECT 1 FROM outbox UNION ALL SELECT 1 FROM unwritten UNION ALL SELECT 1 FROM flight LIMIT 1"
                )
            )
        )

    def changed(self) -> int:
        """A number that changes when anybody commits; costs next to nothing."""
        return self._read(lambda db: int(run(db, "PRAGMA data_version")[0][0]))

    def dead_letters(self, destination: str | None = None, limit: int = 1_000) -> list[DeadLetter]:
        """The newest dead letters."""

        def look(db: apsw.Connection) -> list[DeadLetter]:
            names = dict(run(db, "SELECT no, name FROM destination"))
            wanted = [no for no, name in names.items() if destination in (None, name)]
            return [
                DeadLetter(row_id, names[row_id >> _SHIFT], request_id, event_time, attempts, why, at)
                for row_id, request_id, event_time, attempts, why, at in run(
                    db,
                    "SELECT id, frame ->> 0, frame ->> 1, attempts, why, at FROM dead "
                    "WHERE id >> ? IN (SELECT value FROM json_each(?)) ORDER BY at DESC, id DESC LIMIT ?",
                    (_SHIFT, orjson.dumps(wanted).decode(), limit),
                )
            ]

        return self._read(look)

    def retry_dead(self, ids: Sequence[int]) -> Future[int]:
        """Queue dead letters again; each counts as accepted once more."""

        def do(commit: Commit) -> int:
            retried = 0
            for row_id in ids:
                for (frame,) in run(commit.db, "SELECT frame FROM dead WHERE id = ?", (row_id,)):
                    no = row_id >> _SHIFT
                    run(
                        commit.db,
                        "UPDATE destination SET seq = seq + 1, accepted = accepted + 1, queued = queued + 1 "
                        "WHERE no = ?",
                        (no,),
                    )
                    run(
                        commit.db,
                        "INSERT INTO outbox SELECT (? << ?) + seq, ? FROM destination WHERE no = ?",
                        (no, _SHIFT, frame, no),
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


def _arrive(arrivals: tuple[Arrival, ...], commit: Commit) -> list[str]:
    answer: list[str] = []
    commit.arrivals.append((arrivals, answer))
    return answer


def _key(key: bytes) -> int:
    return int.from_bytes(key[:8], "big", signed=True)


def _load(db: apsw.Connection, where: str, values: tuple[Any, ...]) -> list[Row]:
    """Rows in one statement; see the module's docstring."""
    ((text,),) = run(
        db,
        f"SELECT group_concat(row, ',') FROM (SELECT {_READ} AS row FROM outbox {where})",  # noqa: S608  # ours
        values,
    )
    return [Row(*row) for row in orjson.loads(f"[{text}]")] if text else []


def _unreleased(db: apsw.Connection) -> list[tuple[int, int]]:
    return [
        (first, last)
        for (text,) in run(db, "SELECT ranges FROM unwritten WHERE ranges != ''")
        for first, last in orjson.loads(text)
    ]


def _flying(db: apsw.Connection) -> set[int]:
    return {row_id for (ids,) in run(db, "SELECT ids FROM flight") for row_id in orjson.loads(ids)}


def _stopped(db: apsw.Connection, no: int) -> set[int]:
    return {
        row_id
        for (row_id,) in run(
            db, "SELECT id FROM stop WHERE id BETWEEN ? AND ?", (no << _SHIFT, ((no + 1) << _SHIFT) - 1)
        )
    }


def _forget_waiting(db: apsw.Connection, ids: list[int]) -> None:
    run(db, "DELETE FROM again WHERE id IN (SELECT value FROM json_each(?))", (orjson.dumps(ids).decode(),))


def _batches(
    rows: Sequence[Row], busy: Collection[int], events: int, size: int, flights: int
) -> tuple[list[list[Row]], int]:
    """Rows sorted into requests by their heads, and how many rows were looked at before there was no place left."""
    batches: list[list[Row]] = []
    open_by_head: dict[str, tuple[list[Row], int]] = {}
    for n, row in enumerate(rows):
        if row.id in busy:
            continue
        batch, used = open_by_head.get(row.head, ([], 0))
        room = batch and len(batch) < events and used + len(row.body) + 1 <= size
        if not room:
            if len(batches) == flights:
                return batches, n
            batch, used = [], len(row.head)
            batches.append(batch)
        batch.append(row)
        open_by_head[row.head] = (batch, used + len(row.body) + 1)
    return batches, len(rows)
