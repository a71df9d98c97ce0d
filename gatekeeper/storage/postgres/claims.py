"""Flights out, and what became of them: the deliverer's side. Every machine has a deliverer; claims exclude each other.

A flight is its node's. A deliverer that takes over finds those of its own node, and those of nodes of which no process
has a lease; their `epoch` counts on, so that the former owner can settle nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from gatekeeper.installation import forks
from gatekeeper.installation.locks import Lock
from gatekeeper.storage.commits import Committer, Listeners
from gatekeeper.storage.outbox import CANCELLED, ID, Again, Claimed, Ending, Flight, Recovered, Row, Trouble
from gatekeeper.storage.postgres.commits import Commit
from gatekeeper.storage.postgres.connecting import run
from gatekeeper.storage.postgres.leftovers import Left
from gatekeeper.storage.postgres.packets import Packet, Place, load, packet, sort_out
from gatekeeper.storage.postgres.tables import Tables
from gatekeeper.storage.postgres.troubles import Troubles
from gatekeeper.storage.postgres.under_way import UnderWay
from gatekeeper.storage.postgres.upkeep import Upkeep
from gatekeeper.storage.rows import batches

# Locks small rows only, and reads the frames of those that are wanted.
_CLAIM: Final = """
WITH free AS MATERIALIZED (
    SELECT id, destination, head, at, record, attempt, n, frame FROM outbox o
    WHERE destination = %s AND flight IS NULL AND due IS NULL
        AND NOT EXISTS (SELECT 1 FROM lines l WHERE l.id = o.record)
    ORDER BY id LIMIT %s FOR UPDATE OF o SKIP LOCKED),
counted AS (SELECT *, sum(n) OVER (ORDER BY id) - n AS before FROM free)
SELECT id, destination, head, at, record, NULL, NULL, attempt, NULL, NULL, frame FROM counted
WHERE before < %s ORDER BY id
"""
AT_ONCE: Final = 64  # packets that a claim looks at, at least


class PostgresQueue:
    """See `protocols.Queue`. One process of a machine leads, the one that holds the lock file."""

    def __init__(
        self, tables: Tables, commits: Committer[Commit], claimable: Listeners, upkeep: Upkeep, troubles: Troubles,
        folder: Path,
    ) -> None:  # fmt: skip
        self._tables = tables
        self._commits = commits
        self._claimable = claimable
        self._upkeep = upkeep
        self._troubles = troubles
        self._lock = Lock(folder / "deliverer")
        self._leading = False
        self._under_way = UnderWay()
        self._left = Left(tables, self._under_way)
        forks.register(self)

    def forked(self) -> None:
        """In a child: another process leads."""
        self._leading = False

    def lead(self) -> bool:
        """Whether the lock is ours now."""
        self._leading = self._lock.take()
        return self._leading

    def leave(self) -> None:
        """Give the lock back."""
        self._leading = False
        self._lock.release()

    def watch(self, claimable: Callable[[], None]) -> None:
        """Have commits of this process, and of others as far as `maintain` looks at them, reported."""
        self._claimable.add(claimable)

    def ready(self, destination: str) -> int:
        """About how many rows could be claimed now: those in the books without those that this process has."""
        return max(0, self._tables.queued.get(destination, 0) - self._under_way.rows(destination))

    def claim(self, destination: str, *, events: int, size: int, flights: int) -> Future[Claimed]:
        """New flights of rows that are accepted, not under way and not waiting for another attempt."""

        def do(commit: Commit) -> Claimed:
            limit = max(events, AT_ONCE)
            found = [packet(*one) for one in run(commit.link, _CLAIM, (destination, limit, max(events * 4, AT_ONCE)))]
            stopped = self._tables.stopped(commit.link, destination)
            places = dict[object, Place | None]()
            more, claimed = len(found) >= limit, list[Flight]()
            ended = [row for one in found for row in one.rows if row.id in stopped]
            self._end_stopped(commit, destination, places, ended, 0)
            for attempt, these in itertools.groupby(sorted(found, key=_attempt), key=_attempt):
                rows = [row for one in these for row in one.rows]
                together, taken = batches(rows, stopped, events, size, flights - len(claimed))
                more = more or taken < len(rows)
                claimed += self._fly(commit, destination, attempt + 1, together, places)
            sort_out(commit.link, found, places)
            return Claimed(tuple(claimed), more or sum(len(one.rows) for one in found) >= max(events * 4, AT_ONCE))

        return self._commits.submit(do)

    def claim_again(self, destination: str, again: Again) -> Future[Flight | None]:
        """One flight of rows whose time has come."""

        def do(commit: Commit) -> Flight | None:
            link, wanted = commit.link, set(again.ids)
            found = load(
                link,
                "WHERE destination = %s AND due = %s AND attempt = %s AND node = %s ORDER BY id FOR UPDATE",
                (destination, again.due, again.attempt, self._tables.node()),
            )
            rows = [row for one in found for row in one.rows if row.id in wanted]
            stopped = self._tables.stopped(link, destination)
            places = dict[object, Place | None]()
            self._end_stopped(commit, destination, places, [row for row in rows if row.id in stopped], 0)
            rows = [row for row in rows if row.id not in stopped]
            flights = self._fly(commit, destination, again.attempt + 1, [rows] if rows else [], places)
            sort_out(link, found, places)
            return flights[0] if flights else None

        return self._commits.submit(do)

    def settle(
        self, flight: Flight, endings: Sequence[Ending], again: Sequence[Again], why: str | None, landed: bool
    ) -> Future[bool]:
        """What became of rows of a flight; the outcome lines are written after the commit."""

        def do(commit: Commit) -> bool:
            if not self._ours(commit, flight, landed=landed):
                return False
            link, number = commit.link, _number(flight)
            over = sum(len(ending.rows) for ending in endings)
            if landed and not again and over == len(flight.rows):
                ((count,),) = run(link, "SELECT coalesce(sum(n), 0) FROM outbox WHERE flight = %s", (number,))
                if count == over:  # the usual case: no frame has to be read
                    run(link, "DELETE FROM outbox WHERE flight = %s", (number,))
                    for ending in endings:
                        self._end(commit, flight, ending)
                    return True
            found = load(link, "WHERE flight = %s ORDER BY id FOR UPDATE", (number,))
            self._sort(commit, flight, found, endings, again, why, landed=landed)
            return True

        return self._commits.submit(do)

    def give_back(self, flight: Flight) -> Future[bool]:
        """Let a flight's rows be claimed as if they never had been."""

        def do(commit: Commit) -> bool:
            if not self._ours(commit, flight, landed=True):
                return False
            self._under_way.free(commit, flight.destination, [*map(ID, flight.rows)])
            run(
                commit.link,
                "UPDATE outbox SET flight = NULL, node = NULL, due = NULL, attempt = %s WHERE flight = %s",
                (flight.attempt - 1, _number(flight)),
            )
            commit.committed.append(self._claimable.call)  # a lane that found nothing meanwhile sleeps
            return True

        return self._commits.submit(do)

    def troubled(self, destination: str, trouble: Trouble | None) -> None:
        """Say that a vendor is failing, or that it works again."""
        self._troubles.say(destination, trouble)

    def recover(self) -> Future[Recovered]:
        """Everything in one commit: lines of ended processes, flights, waiting rows, books, removed destinations."""
        self._troubles.forget()

        def do(commit: Commit) -> Recovered:
            self._upkeep.adopt(commit)
            self._under_way.begin_again(commit)
            flights, waiting = self._left.take_over(commit, own=True)
            return Recovered(flights, waiting, self._upkeep.reckon(commit), self._upkeep.bury(commit))

        return self._commits.submit(do, pressing=True)

    def maintain(self) -> Future[Recovered | None]:
        """Look for what others committed, then do what is due; what deliverers of other nodes left comes out of it."""
        return self._upkeep.do_what_is_due(self._claimable, self._leading, self._left.orphans)

    def _ours(self, commit: Commit, flight: Flight, *, landed: bool) -> bool:
        """Whether a flight is (still) this node's; its row is locked, or with `landed` gone."""
        number, epoch = _identity(flight)
        which = "FROM flight WHERE id = %s AND epoch = %s AND node = %s"
        sql = f"DELETE {which} RETURNING 1" if landed else f"SELECT 1 {which} FOR UPDATE"
        there = bool(run(commit.link, sql, (number, epoch, self._tables.node())))
        if landed or not there:
            self._under_way.land(commit, flight, number, there=there)
        return there

    def _sort(
        self, commit: Commit, flight: Flight, found: Sequence[Packet], endings: Sequence[Ending],
        again: Sequence[Again], why: str | None, *, landed: bool,
    ) -> None:  # fmt: skip
        """A part of a flight ends, waits, or stays under way; what is left of one that has landed is ready again."""
        tables, name = self._tables, flight.destination
        under_way = {row.id: row for one in found for row in one.rows}
        places = dict[object, Place | None]()
        ready = Place(attempt=flight.attempt - 1)
        if landed:
            places |= dict.fromkeys(under_way, ready)
        for ending in endings:
            rows = tuple(row for row in ending.rows if row.id in under_way)
            places |= dict.fromkeys(map(ID, rows))
            self._end(commit, flight, ending._replace(rows=rows))
        stopped = tables.stopped(commit.link, name) if again else set[int]()
        for wait in again:
            rows = tuple(under_way[row_id] for row_id in wait.ids if row_id in under_way)
            self._end_stopped(commit, name, places, [row for row in rows if row.id in stopped], flight.attempt)
            rows = tuple(row for row in rows if row.id not in stopped)
            places |= dict.fromkeys(map(ID, rows), Place(None, wait.due, wait.attempt, why, tables.node()))
            if rows:
                commit.count(name, retried=len(rows))
                commit.outcomes.append(tables.line(name, rows, "pending", why, flight.attempt))
        self._under_way.free(commit, name, [row_id for row_id, place in places.items() if place is ready])
        sort_out(commit.link, found, places)

    def _end(self, commit: Commit, flight: Flight, ending: Ending) -> None:
        self._tables.end(commit, flight.destination, ending, flight.attempt)
        self._under_way.free(commit, flight.destination, [*map(ID, ending.rows)])

    def _end_stopped(
        self, commit: Commit, destination: str, places: dict[object, Place | None], rows: Sequence[Row], attempt: int
    ) -> None:
        """Rows that were cancelled while they were under way, and are not any more."""
        places |= dict.fromkeys(map(ID, rows))
        self._tables.end(commit, destination, Ending(CANCELLED, None, tuple(rows)), attempt)
        self._under_way.free(commit, destination, [*map(ID, rows)])

    def _fly(
        self, commit: Commit, destination: str, attempt: int, together: Sequence[Sequence[Row]],
        places: dict[object, Place | None],
    ) -> list[Flight]:  # fmt: skip
        """Write down that rows are under way."""
        flights, node = [], self._tables.node()
        for rows in together:
            ((number,),) = run(
                commit.link,
                "INSERT INTO flight(destination, attempt, node) VALUES (%s, %s, %s) RETURNING id",
                (destination, attempt, node),
            )
            places |= dict.fromkeys(map(ID, rows), Place(number, None, attempt, None, node))
            flights.append(Flight((number, 0), destination, attempt, tuple(rows)))
            self._under_way.take(commit, destination, [number], rows)
        return flights


def _attempt(one: Packet) -> int:
    return one.place.attempt


def _identity(flight: Flight) -> tuple[int, int]:
    number, epoch = flight.id if isinstance(flight.id, tuple) else (-1, -1)
    return number, epoch


def _number(flight: Flight) -> int:
    return _identity(flight)[0]
