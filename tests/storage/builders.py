"""Stores of every engine, arrivals, and a log that can fail."""

from __future__ import annotations

import time
from concurrent.futures import Future
from contextlib import contextmanager, suppress

import orjson
import psycopg

from gatekeeper.audit.lines import Line
from gatekeeper.errors import AuditError, StorageError
from gatekeeper.model import Heard
from gatekeeper.model.reasons import WITHDRAWN
from gatekeeper.storage import database
from gatekeeper.storage.outbox import DELIVERED, Arrival, Ending, Job, Refusal
from gatekeeper.storage.postgres.store import PostgresStore
from gatekeeper.storage.protocols import Bounds
from gatekeeper.storage.sqlite import SqliteStore
from gatekeeper.testing.store import Memory, MemoryStore
from tests.storage.server import DATABASES

NOW = 1_795_478_400.0
GPC = {"own": "gpc_opt_out"}


class Log:
    """Keeps lines. While `held`, appends wait; while `broken`, they fail as on a full disk."""

    def __init__(self, *, held=False) -> None:
        self.lines = []
        self.broken = False
        self.held = held
        self.waiting = []

    def append(self, batch):
        done = Future()
        if self.held:
            self.waiting.append((list(batch), done))
        elif self.broken:
            done.set_exception(AuditError("full"))
        else:
            self.lines += [orjson.loads(line.core) for line in batch]
            done.set_result(None)
        return done

    def go_on(self):
        self.held = False
        waiting, self.waiting = self.waiting, []
        for batch, done in waiting:
            if self.broken:
                done.set_exception(AuditError("full"))
                continue
            self.lines += [orjson.loads(line.core) for line in batch]
            done.set_result(None)

    def of(self, kind):
        return [line for line in self.lines if line["kind"] == kind]

    def cancelled(self):
        """Request id -> reason."""
        lines = [line for line in self.of("outcome") if line["status"] == "cancelled"]
        return {name: line["reason"] for line in lines for name in line["request_ids"]}

    def outcomes(self):
        return {(r, line["destination"]): line["status"] for line in self.of("outcome") for r in line["request_ids"]}


class SqliteEngine:
    """Workers of one node on a real file."""

    def __init__(self, folder) -> None:
        self.at = NOW
        self.path = folder / "gatekeeper.db"
        self.stores = {}
        database.prepare(self.path)

    def open(self, log=None, names=("own", "other"), missing=lambda lines, since: list(lines), **bounds):
        """Another worker's view."""
        store = SqliteStore(self.path, Bounds(names, **bounds), log or Log(), missing=missing, clock=lambda: self.at)
        before = self.locks()
        with suppress(StorageError):
            store.books.try_again().result(10)
        self.stores[store] = self.locks() - before
        return store

    def locks(self):
        """The files by which workers are known to be alive."""
        return set(self.path.with_name("gatekeeper.db.locks").glob("owner-*"))

    def kill(self, store):
        """As SIGKILL does, as far as the other workers see: its locks are free."""
        store.queue.leave()
        for lock in self.stores.pop(store):
            lock.unlink()
        store.barrier.page.abandon()

    def close(self):
        """End what is left."""
        for store in self.stores:
            store.close()


class PostgresEngine:
    """Workers of one node on a database of their own."""

    def __init__(self, folder) -> None:
        self.at = NOW
        self.url = DATABASES.fresh()
        self.here = folder / "node"
        self.stores = []

    def open(self, log=None, names=("own", "other"), missing=lambda lines, since: list(lines), **bounds):
        """Another worker's view."""
        clock = lambda: self.at  # noqa: E731
        store = PostgresStore(self.url, self.here, Bounds(names, **bounds), log or Log(), missing=missing, clock=clock)
        store.members.start()
        self.stores.append(store)
        return store

    def kill(self, store):
        """As SIGKILL does, as far as other workers see, some seconds later: its lease is over."""
        self.stores.remove(store)
        number = store.members.number()
        store.queue.leave()
        store.members.abandon()
        with psycopg.connect(self.url, autocommit=True) as link:
            link.execute("UPDATE process SET lease = '-infinity' WHERE no = %s", (number,))

    def close(self):
        """End what is left."""
        for store in self.stores:
            store.close()
        DATABASES.give_back(self.url)


class MemoryEngine:
    """Workers of one node on one memory."""

    def __init__(self, folder) -> None:
        self.at = NOW
        self.memory = Memory()

    def open(self, log=None, names=("own", "other"), missing=lambda lines, since: list(lines), **bounds):
        """Another worker's view."""
        clock = lambda: self.at  # noqa: E731
        return MemoryStore(Bounds(names, **bounds), log or Log(), memory=self.memory, missing=missing, clock=clock)

    def kill(self, store):
        """As SIGKILL does."""
        store.kill()

    def close(self):
        """There is nothing to end."""


def arrival(name, *destinations, key=None, subjects=(), body=b'{"n":1}', head=b"", at=NOW):
    """One event for some destinations."""
    line = Line(orjson.dumps({"kind": "decision", "request_id": name}))
    jobs = tuple(Job(destination, at, head, body) for destination in destinations or ("own",))
    return Arrival(name, None if key is None else key.ljust(16, b"."), tuple(subjects), line, jobs)


@contextmanager
def opened(folder, log=None, names=("own", "other"), **bounds):
    """An open SQLite store; closed at the end."""
    engine = SqliteEngine(folder)
    try:
        yield engine.open(log, names, **bounds)
    finally:
        engine.close()


def accept(store, *arrivals):
    """The request ids that are answered."""
    return store.intake.accept(arrivals).result(10).request_ids


def kept(store, *arrivals):
    """The same, of a sender that repeats what is not accepted: by their keys nothing is kept twice."""
    assert all(one.key for one in arrivals)
    told = []

    def accepted():
        with suppress(StorageError):
            told[:] = accept(store, *arrivals)
        return told

    wait(accepted, 120)
    return told


def claim(store, name="own", *, events=100, size=10**6, flights=8):
    """What can be claimed now, at most `flights` flights."""
    return store.queue.claim(name, events=events, size=size, flights=flights).result(10).flights


def claim_all(store, name="own", **limits):
    """Flights until there are none."""
    flights = []
    while True:
        claimed = store.queue.claim(name, **{"events": 100, "size": 10**6, "flights": 8, **limits}).result(10)
        flights += claimed.flights
        if not claimed.more:
            return flights


def names(flights):
    """The request ids under way in some flights."""
    return [row.request_id for flight in flights for row in flight.rows]


def settle(store, flight, state=DELIVERED, why=None, rows=None):
    """End a flight, its rows in one state."""
    rows = flight.rows if rows is None else rows
    return store.queue.settle(flight, [Ending(state, why, rows)], [], None, True).result(10)


def put_off(store, flight, again, why="http_503", landed=True):
    """End a flight whose rows wait for another attempt."""
    return store.queue.settle(flight, [], [again], why, landed).result(10)


def sweep(store, *subjects, reasons=GPC, **more):
    """How many rows ended, `None` where a look was enough."""
    done = store.refusals.sweep([Refusal(subjects, reasons, **more)])
    return None if done is None else done.result(10)


def withdraw(store, *subjects, destinations=("ga4", "other", "own"), heard=None):
    """How many rows a withdrawal ended; `heard` is what it must say."""
    done = store.barrier.withdraw(subjects, dict.fromkeys(destinations, WITHDRAWN)).result(10)
    assert done.heard is (heard or Heard.HEARD)
    return done.cancelled


def books(store, name="own"):
    """A destination's count, which must add up whenever it is looked at."""
    store.books.try_again().result(10)  # any commit: what the log has written is released with it
    for count in store.books.count().values():
        assert count.accepted == count.queued + count.delivered + count.dead + count.expired + count.cancelled
    return store.books.count()[name]


def wait(what, seconds=60.0, instead=lambda: ""):
    """Until something is so; `instead` says what there is, if it does not come."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"it did not happen in time {instead()}"
        time.sleep(0.005)
