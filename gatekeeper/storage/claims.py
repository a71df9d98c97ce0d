"""Flights out, and what became of them: the deliverer's side of the embedded store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

import orjson

from gatekeeper.errors import StorageError
from gatekeeper.installation import forks
from gatekeeper.installation.locks import Lock
from gatekeeper.storage.commits import Commit, Committer, Listeners, Then
from gatekeeper.storage.database import run
from gatekeeper.storage.fresh import Fresh, Payload
from gatekeeper.storage.outbox import CANCELLED, DELIVERED, ID, Again, Claimed, Ending, Flight, Recovered, Row, Trouble
from gatekeeper.storage.owners import folder
from gatekeeper.storage.rows import SHIFT, batches, load, stopped_ids
from gatekeeper.storage.tables import Tables
from gatekeeper.storage.troubles import Troubles
from gatekeeper.storage.under_way import UnderWay
from gatekeeper.storage.upkeep import Upkeep


class SqliteQueue:
    """See `protocols.Queue`. One process leads, the one that holds the lock file."""

    def __init__(
        self, tables: Tables, commits: Committer[Commit], claimable: Listeners, upkeep: Upkeep, troubles: Troubles
    ) -> None:
        self._tables = tables
        self._commits = commits
        self._claimable = claimable
        self._upkeep = upkeep
        self._troubles = troubles
        self._lock = Lock(folder(tables.path) / "deliverer")
        self._under_way = UnderWay()
        self.fresh = Fresh()
        self._leads = False
        forks.register(self)

    def forked(self) -> None:
        """In a child: what is at hand is its parent's."""
        self.fresh, self._leads = Fresh(), False

    def lead(self) -> bool:
        """Whether the lock is ours now."""
        self._leads = self._lock.take()
        return self._leads

    def leave(self) -> None:
        """Give the lock back."""
        self._leads = False
        self._lock.release()

    def watch(self, claimable: Callable[[], None]) -> None:
        """Have commits of this process, and of others as far as `maintain` looks at them, reported."""
        self._claimable.add(claimable)

    def ready(self, destination: str) -> int:
        """About how many rows could be claimed now: those in the books without those that are under way or wait."""
        queued = self._tables.queued.get(self._tables.numbers.get(destination, -1), 0)
        return queued - len(self._under_way.place(destination).busy)

    def claim(self, destination: str, *, events: int, size: int, flights: int) -> Future[Claimed]:
        """New flights of rows that are accepted, not under way and not waiting for another attempt."""

        def do(commit: Commit) -> Claimed:
            tables, place = self._tables, self._under_way.place(destination)
            no = tables.number(commit, destination)
            start, end = max(place.after, no << SHIFT), (no + 1) << SHIFT
            hidden = [span for span in tables.hidden(commit) if span[0] >> SHIFT == no and span[1] > start]
            rows = self._at_hand(commit, no, start, min([end, *[span[0] for span in hidden]]), max(events, 64))
            if not rows:
                rows = tables.rows(commit, start, end, hidden, max(events, 64))
            more = len(rows) >= max(events, 64)
            rows = tables.without_stopped(commit, no, rows, place.busy)
            together, taken = batches(rows, place.busy, events, size, flights)
            if taken < len(rows):
                more, reached = True, ID(rows[taken - 1]) if taken else start
            else:
                reached = ID(rows[-1]) if rows else start
            if hidden:  # what is hidden now must be seen by a later claim
                reached = min(reached, min(span[0] for span in hidden) - 1)
            self._under_way.go_to(commit, destination, reached)
            return Claimed(tuple(self._fly(commit, destination, 1, together)), more)

        return self._commits.submit(do)

    def claim_again(self, destination: str, again: Again) -> Future[Flight | None]:
        """One flight of rows whose time has come."""

        def do(commit: Commit) -> Flight | None:
            waiting = self._under_way.place(destination).waiting
            ids = waiting.intersection(again.ids)  # not what has been claimed again already
            wanted = orjson.dumps(list(ids)).decode()
            rows = load(commit.db, "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", (wanted,))
            rows = self._tables.without_stopped(commit, self._tables.number(commit, destination), rows)
            run(commit.db, "DELETE FROM again WHERE id IN (SELECT value FROM json_each(?))", (wanted,))
            self._under_way.go_again(commit, destination, ids)
            return self._fly(commit, destination, again.attempt + 1, [rows])[0] if rows else None

        return self._commits.submit(do)

    def settle(
        self, flight: Flight, endings: Sequence[Ending], again: Sequence[Again], why: str | None, landed: bool
    ) -> Future[bool]:
        """What became of rows of a flight; the outcome lines are written after the commit."""
        if landed and not again and [one.state for one in endings] == [DELIVERED]:
            return self._commits.submit(partial(self._delivered, flight, endings[0]), idle=True)

        def do(commit: Commit) -> bool:
            tables = self._tables
            self.land(commit)
            under_way = self._rows_of(commit, flight, landed=landed)
            if under_way is None:
                return False
            no = tables.number(commit, flight.destination)
            for ending in endings:
                self._end(commit, no, flight, ending._replace(rows=_still(under_way, ending.rows)))
            rows = {row.id: row for row in flight.rows}
            for wait in again:
                waiting = list(_still(under_way, [rows[row_id] for row_id in wait.ids]))
                stopped = stopped_ids(commit.db, no)
                if not stopped.isdisjoint(wait.ids):
                    ended = tuple(row for row in waiting if row.id in stopped)
                    self._end(commit, no, flight, Ending(CANCELLED, None, ended))
                    waiting = [row for row in waiting if row.id not in stopped]
                if waiting:
                    self._wait(commit, no, flight, waiting, wait, why)
            if not landed:
                over = {row.id for ending in endings for row in ending.rows} | {i for wait in again for i in wait.ids}
                left = [row_id for row_id in under_way if row_id not in over]
                run(commit.db, "UPDATE flight SET ids = ? WHERE id = ?", (orjson.dumps(left).decode(), flight.id))
            return True

        return self._commits.submit(do, idle=True)

    def give_back(self, flight: Flight) -> Future[bool]:
        """Let a flight's rows be claimed as if they never had been."""

        def do(commit: Commit) -> bool:
            self.land(commit)
            if self._rows_of(commit, flight, landed=True) is None:
                return False
            ids = [*map(ID, flight.rows)]
            self._under_way.free(commit, flight.destination, ids)
            after = self._under_way.place(flight.destination).after
            self._under_way.go_to(commit, flight.destination, min(after, min(ids) - 1))
            commit.after.append(lambda db: self._claimable.call())  # a lane that found nothing meanwhile sleeps
            return True

        return self._commits.submit(do)

    def troubled(self, destination: str, trouble: Trouble | None) -> None:
        """Say that a vendor is failing, or that it works again."""
        self._troubles.say(destination, trouble)

    def recover(self) -> Future[Recovered]:
        """Everything in one commit: lines of ended processes, flights, waiting rows, books, removed destinations."""
        self._troubles.forget()

        def do(commit: Commit) -> Recovered:
            self.land(commit)
            self._tables.register(commit)
            self._upkeep.adopt(commit)
            flights, waiting = self._left(commit)
            self._under_way.begin_again(commit, self._tables.bounds.destinations, flights, waiting)
            return Recovered(flights, waiting, self._upkeep.reckon(commit), self._upkeep.bury(commit))

        return self._commits.submit(do)

    def maintain(self) -> Future[Recovered | None]:
        """Look for what others committed, then do what is due."""
        try:
            if self._upkeep.others_committed():
                self._claimable.call()
        except StorageError as error:
            failed: Future[Recovered | None] = Future()
            failed.set_exception(error)
            return failed
        return self._upkeep.do_what_is_due(self._claimable)

    def _delivered(self, flight: Flight, ending: Ending, commit: Commit) -> Any:
        """The usual end: it is put together with those of the same commit."""
        commit.landing.append((flight, ending))
        return Then(lambda: flight.id in commit.landed)

    def land(self, commit: Commit) -> None:
        """End the rows of flights that were delivered: a few statements for all of them, a line for each request.

        Called before anything of the commit looks at what is under way.
        """
        landing, commit.landing = commit.landing, []
        if not landing:
            return
        wanted = orjson.dumps([flight.id for flight, _ in landing]).decode()
        sql = "DELETE FROM flight WHERE id IN (SELECT value FROM json_each(?)) RETURNING id, ids"
        there = {flight_id: dict.fromkeys(orjson.loads(ids)) for flight_id, ids in run(commit.db, sql, (wanted,))}
        ended: dict[tuple[str, int, str | None], list[tuple[Row, ...]]] = {}
        for flight, ending in landing:
            under_way = there.get(flight.id)
            if under_way is not None and flight.id not in commit.landed:
                commit.landed.add(flight.id)
                rows = _still(under_way, ending.rows)
                ended.setdefault((flight.destination, flight.attempt, ending.why), []).append(rows)
        for (destination, attempt, why), requests in ended.items():
            rows = tuple([row for rows in requests for row in rows])
            no, before = self._tables.number(commit, destination), len(commit.outcomes)
            self._tables.end(commit, no, Ending(DELIVERED, why, rows), attempt, requests)
            commit.delivered += len(commit.outcomes) - before
            self._under_way.free(commit, destination, [*map(ID, rows)])

    def _left(self, commit: Commit) -> tuple[tuple[Flight, ...], tuple[tuple[str, Again], ...]]:
        """Flights of a deliverer that ended, under new ids, and rows that wait for another attempt."""
        tables, flights = self._tables, []
        tables.flight_id(commit, fresh=True)  # another process may have led meanwhile
        for flight_id, no, attempt, ids in run(commit.db, "SELECT * FROM flight"):
            rows = load(commit.db, "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", (ids,))
            if rows and no in tables.by_number:
                renamed = tables.flight_id(commit)
                run(commit.db, "UPDATE flight SET id = ? WHERE id = ?", (renamed, flight_id))
                flights.append(Flight(renamed, tables.by_number[no], attempt, tuple(rows)))
            else:
                run(commit.db, "DELETE FROM flight WHERE id = ?", (flight_id,))
        waiting: dict[tuple[int, int, float, str | None], list[int]] = {}
        for row_id, attempt, due, why in run(commit.db, "SELECT * FROM again ORDER BY id"):
            waiting.setdefault((row_id >> SHIFT, attempt, due, why), []).append(row_id)
        again = [
            (tables.by_number[no], Again(due, attempt, tuple(ids)))
            for (no, attempt, due, _), ids in waiting.items()
            if no in tables.by_number
        ]
        return tuple(flights), tuple(again)

    def _rows_of(self, commit: Commit, flight: Flight, *, landed: bool) -> dict[int, None] | None:
        """The rows of a flight that are still under way, in order; `None` if it is not this caller's."""
        sql = "DELETE FROM flight WHERE id = ? RETURNING ids" if landed else "SELECT ids FROM flight WHERE id = ?"
        for (ids,) in run(commit.db, sql, (flight.id,)):
            return dict.fromkeys(orjson.loads(ids))
        return None

    def _wait(self, commit: Commit, no: int, flight: Flight, rows: list[Row], wait: Again, why: str | None) -> None:
        """Rows wait for another attempt."""
        ids = [*map(ID, rows)]
        self._under_way.wait(commit, flight.destination, ids)
        run(
            commit.db,
            "INSERT OR REPLACE INTO again SELECT value, ?, ?, ? FROM json_each(?)",
            (wait.attempt, wait.due, why, orjson.dumps(ids).decode()),
        )
        run(commit.db, "UPDATE destination SET retried = retried + ? WHERE no = ?", (len(rows), no))
        commit.outcomes.append(self._tables.line(no, rows, "pending", why, flight.attempt))

    def _end(self, commit: Commit, no: int, flight: Flight, ending: Ending) -> None:
        self._tables.end(commit, no, ending, flight.attempt)
        self._under_way.free(commit, flight.destination, [*map(ID, ending.rows)])

    def keep(self, no: int, first: int, rows: Sequence[Payload]) -> None:
        """Have rows at hand that were kept in a commit of this process, if it is the one that claims them."""
        if self._leads:
            self.fresh.add(no, first, rows)

    def _at_hand(self, commit: Commit, no: int, after: int, before: int, limit: int) -> list[Row]:
        """Rows behind an id without reading them, as far as all of them are there; none if that is not known."""
        rows = self.fresh.behind(no, after, before, limit)
        if rows:
            sql = "SELECT count(*) FROM outbox WHERE id BETWEEN ? AND ?"
            ((there,),) = run(commit.db, sql, (ID(rows[0]), ID(rows[-1])))
            if there != len(rows):
                self.fresh.forget(no)
                return []
        return rows

    def _fly(self, commit: Commit, destination: str, attempt: int, requests: Sequence[Sequence[Row]]) -> list[Flight]:
        flights = self._tables.fly(commit, destination, attempt, requests)
        self._under_way.take(commit, destination, [ID(row) for rows in requests for row in rows])
        return flights


def _still(under_way: dict[int, None], rows: Sequence[Row]) -> tuple[Row, ...]:
    """Those that are under way: a partial settlement that is repeated ends nothing twice."""
    if len(rows) == len(under_way):
        return tuple(rows)
    return tuple([row for row in rows if row.id in under_way])
