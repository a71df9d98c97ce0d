"""Flights out, and what became of them; taking over what an ended process left. The deliverer's alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future

import apsw
import orjson

from gatekeeper.audit import lines
from gatekeeper.storage import database
from gatekeeper.storage.commits import Commit
from gatekeeper.storage.database import run
from gatekeeper.storage.outbox import (
    CANCELLED,
    Again,
    Claimed,
    Ending,
    Flight,
)
from gatekeeper.storage.rows import SHIFT, batches, load, stopped_ids, unreleased
from gatekeeper.storage.tables import Tables


class Claiming(Tables):
    """The deliverer's side of the embedded outbox."""

    def claim(
        self, destination: str, *, after: int, events: int, size: int, flights: int, busy: Collection[int]
    ) -> Future[Claimed]:
        """New flights of rows past `after` that are accepted, not under way and not waiting for another attempt."""

        def do(commit: Commit) -> Claimed:
            no = self._number(commit, destination)
            start, end = max(after, no << SHIFT), (no + 1) << SHIFT
            hidden = [span for span in unreleased(commit.db) if span[0] >> SHIFT == no and span[1] > start]
            rows = self._rows(commit, start, end, hidden, max(events, 64))
            more = len(rows) >= max(events, 64)
            rows = self._without_stopped(commit, no, rows, busy)
            together, taken = batches(rows, busy, events, size, flights)
            if taken < len(rows):
                more, reached = True, rows[taken - 1].id if taken else start
            else:
                reached = rows[-1].id if rows else start
            if hidden:  # what is hidden now must be found by a later claim
                reached = min(reached, min(span[0] for span in hidden) - 1)
            return Claimed(tuple(self._fly(commit, destination, 1, batch) for batch in together), reached, more)

        return self._commits.submit(do)

    def claim_again(self, destination: str, again: Again) -> Future[Flight | None]:
        """One flight of rows whose time has come."""

        def do(commit: Commit) -> Flight | None:
            wanted = orjson.dumps(again.ids).decode()
            rows = load(commit.db, "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", (wanted,))
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
                stopped = stopped_ids(commit.db, no)
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
                    no = first >> SHIFT
                    self._unreleased[no] = self._unreleased.get(no, 0) + last - first + 1
                adopted += 1
            return adopted

        return self._commits.submit(do)

    def abandoned(self) -> Future[tuple[list[Flight], list[tuple[str, Again]]]]:
        """Flights of a deliverer that ended, and rows that wait for another attempt; flights get a new number."""

        def do(commit: Commit) -> tuple[list[Flight], list[tuple[str, Again]]]:
            self._next_flight = None
            flights = []
            for flight_id, no, attempt, ids in run(commit.db, "SELECT * FROM flight"):
                rows = load(commit.db, "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", (ids,))
                if rows and no in self._by_number:
                    flights.append(Flight(flight_id, self._by_number[no], attempt, tuple(rows)))
                else:
                    run(commit.db, "DELETE FROM flight WHERE id = ?", (flight_id,))
            waiting: dict[tuple[int, int, float, str | None], list[int]] = {}
            for row_id, attempt, due, why in run(commit.db, "SELECT * FROM again ORDER BY id"):
                waiting.setdefault((row_id >> SHIFT, attempt, due, why), []).append(row_id)
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
            hidden = unreleased(commit.db)
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

        return self._commits.submit(do)

    def checkpoint(self, *, empty: bool = False) -> Future[None]:
        """Copy the write-ahead log into the database; with `empty`, and cut it, if nobody else is at the file now.

        The deliverer's alone. Ended rows are zeroed in the database, but stand in the write-ahead log until it is cut.
        """

        def copy(db: apsw.Connection) -> None:
            run(db, "PRAGMA wal_checkpoint(PASSIVE)")
            if empty:
                db.set_busy_timeout(0)  # another worker's commit is not to wait for this one's patience
                try:
                    run(db, "PRAGMA wal_checkpoint(TRUNCATE)")
                finally:
                    db.set_busy_timeout(database.BUSY)

        return self._commits.submit(lambda commit: commit.after.append(copy))
