"""Suppressed persons in the embedded store: a table, and in each process what may be in it.

A process keeps the first eight bytes of every hash, sorted, so that people who are not suppressed cost a search in
memory; what is found there is looked up in the table. What was added is known from the commit on (a number on the
shared page), and within a second where a process died in between. What was removed needs no news: the look-up finds
nothing.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Final

import apsw
import orjson

from gatekeeper.installation import forks
from gatekeeper.model import OPTIONAL, Purpose, Suppression
from gatekeeper.model.suppression import Why
from gatekeeper.storage.commits import Commit, Committer
from gatekeeper.storage.database import run
from gatekeeper.storage.generations import generation_of, withdraw
from gatekeeper.storage.outbox import Refusal, Withdrawn
from gatekeeper.storage.page import Page
from gatekeeper.storage.sweeping import SqliteRefusals
from gatekeeper.storage.tables import Tables

LOOK: Final = 0.5  # seconds between two looks at the table where nothing was announced
COLUMNS: Final = "hash, key, kind, why, since, erasure, purposes, until, lifted"
_PREFIX: Final = 8  # bytes of a hash that are kept in memory
_EACH: Final = 500  # hashes that are looked up with one statement
_BITS: Final = {purpose: 1 << n for n, purpose in enumerate(OPTIONAL)}
Seen = tuple[int, int]  # what the page announced, and the newest row's generation


class Prefixes:
    """The beginnings of hashes, which only become more: a sorted array, and beside it those that were added since."""

    __slots__ = ("_new", "_sorted")

    def __init__(self) -> None:
        self._sorted = array("Q")
        self._new: set[int] = set()

    def __len__(self) -> int:
        return len(self._sorted) + len(self._new)

    def add(self, hashes: Iterable[bytes]) -> None:
        """Take these hashes up, without reading the table again."""
        self._new.update(_prefix(one) for one in hashes)
        if len(self._new) > max(1_024, len(self._sorted) // 64):
            self._sorted = array("Q", sorted({*self._sorted, *self._new}))
            self._new = set()

    def __contains__(self, hashed: bytes) -> bool:
        prefix = _prefix(hashed)
        if prefix in self._new:
            return True
        at = bisect_left(self._sorted, prefix)
        return at < len(self._sorted) and self._sorted[at] == prefix


class SqliteSuppressions:
    """See `protocols.Suppressions`."""

    def __init__(self, tables: Tables, commits: Committer[Commit], page: Page, refusals: SqliteRefusals) -> None:
        self._tables = tables
        self._commits = commits
        self._page = page
        self._refusals = refusals
        self._lock = forks.Guard()
        self._known = Prefixes()
        self._keys: frozenset[str] = frozenset()
        self._seen: Seen | None = None
        self._looked = 0.0

    def any(self) -> bool:
        """A look at the page; at the table where it announced something, or after half a second."""
        seen = self._seen
        if seen is None or seen[0] != self._page.suppressed or time.monotonic() - self._looked > LOOK:
            self._look()
        return len(self._known) > 0

    def of(self, hashes: Collection[bytes]) -> tuple[Suppression, ...]:
        """Search in memory; what is there is looked up."""
        if not self.any():
            return ()
        perhaps = [one for one in hashes if one in self._known]
        return self.find(perhaps) if perhaps else ()

    def find(self, hashes: Collection[bytes]) -> tuple[Suppression, ...]:
        """Look up in the table."""
        now, wanted = self._tables.clock(), list(hashes)
        return self._tables.read(lambda db: tuple([one for one in _found(db, wanted) if ends_of(one) > now]))

    def add(
        self, entries: Sequence[Suppression], names: Collection[str], reasons: Mapping[str, str]
    ) -> Future[Withdrawn]:
        """One commit, and the page."""

        def step(commit: Commit) -> list[Refusal]:
            generation = generation_of(commit, self._page)
            for one in entries:
                run(
                    commit.db,
                    f"INSERT INTO suppression(generation, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "  # noqa: S608  # ours
                    "ON CONFLICT DO UPDATE SET generation = excluded.generation, since = excluded.since, "
                    "erasure = excluded.erasure, purposes = purposes | excluded.purposes, "
                    "until = CASE WHEN until IS NULL OR excluded.until IS NULL THEN NULL "
                    "ELSE max(until, excluded.until) END, lifted = 0",
                    (generation, *row_of(one)),
                )
            # Before the generation is published: who knows of the one must know of the other.
            commit.committed.insert(0, partial(self._page.suppress, generation))
            withdraw(commit, self._page, names, reasons, self._tables.clock())
            return [Refusal(tuple(names), reasons)] if names and reasons else []

        return self._refusals.end(step)

    def remove(self, hashes: Collection[bytes], whys: Collection[Why]) -> Future[int]:
        """Delete rows; who is not in the table is not suppressed, at once."""
        wanted = [(one, why) for one in hashes for why in whys]

        def step(commit: Commit) -> int:
            gone = 0
            for one, why in wanted:
                run(commit.db, "DELETE FROM suppression WHERE hash = ? AND why = ?", (one, why.value))
                gone += commit.db.changes()
            return gone

        return self._commits.submit(step, pressing=True)

    def page(self, after: bytes = b"", limit: int = 1_000) -> list[Suppression]:
        """Rows in the order of their hashes: all of the first `limit` hashes."""
        some = "SELECT DISTINCT hash FROM suppression WHERE hash > ? ORDER BY hash LIMIT ?"
        sql = f"SELECT {COLUMNS} FROM suppression WHERE hash IN ({some}) ORDER BY hash, why"  # noqa: S608  # ours
        return [entry_of(one) for one in self._tables.read(lambda db: run(db, sql, (after, limit)))]

    def count(self) -> Mapping[str, int]:
        """Count the entries, by reason."""
        sql = "SELECT why, count(*) FROM suppression GROUP BY why"
        return dict(self._tables.read(lambda db: run(db, sql)))

    def keys(self) -> frozenset[str]:
        """Of all rows, as of the last look that found new ones."""
        self.any()
        return self._keys

    def expire(self, at: float) -> Future[int]:
        """Delete what ended before."""

        def step(commit: Commit) -> int:
            run(commit.db, "DELETE FROM suppression WHERE until <= ?", (at,))
            return int(commit.db.changes())

        return self._commits.submit(step)

    def _look(self) -> None:
        """Read what came since the last look; all of it the first time, and where the table is another one."""
        announced = self._page.suppressed  # before the table is read: it holds what was announced
        with self._lock:
            before = None if self._seen is None else self._seen[1]
            newest, new, keys = self._tables.read(lambda db: _since(db, before))
            if new:
                self._known.add(new)
                self._keys = frozenset(keys)
            self._seen, self._looked = (announced, newest), time.monotonic()


def lift(db: apsw.Connection, hashes: Collection[bytes], at: float, granted: Iterable[Purpose]) -> None:
    """Note that an erased person granted something later, by an identifier of theirs. Inside a commit."""
    run(
        db,
        "UPDATE suppression SET lifted = lifted | (purposes & ?) "
        "WHERE why = ? AND since < ? AND hash IN (SELECT unhex(value) FROM json_each(?))",
        (bits_of(granted), Why.ERASED.value, at, orjson.dumps([one.hex() for one in hashes]).decode()),
    )


def _since(db: apsw.Connection, generation: int | None) -> tuple[int, list[bytes], list[str]]:
    """The newest row's generation, the hashes of rows after one, and where there are any, the keys of all rows."""
    ((newest,),) = run(db, "SELECT coalesce(max(generation), 0) FROM suppression")
    if newest == generation:
        return newest, [], []
    new = [one for (one,) in run(db, "SELECT hash FROM suppression WHERE generation > ?", (generation or -1,))]
    return newest, new, [key for (key,) in run(db, "SELECT DISTINCT key FROM suppression")] if new else []


def _found(db: apsw.Connection, hashes: Sequence[bytes]) -> list[Suppression]:
    found = []
    for n in range(0, len(hashes), _EACH):
        digits = orjson.dumps([one.hex() for one in hashes[n : n + _EACH]]).decode()
        sql = f"SELECT {COLUMNS} FROM suppression WHERE hash IN (SELECT unhex(value) FROM json_each(?))"  # noqa: S608  # ours
        found += [entry_of(one) for one in run(db, sql, (digits,))]
    return found


def ends_of(one: Suppression) -> float:
    """When an entry ends; infinity for one that does not."""
    return float("inf") if one.until is None else one.until


def row_of(one: Suppression) -> tuple[Any, ...]:
    """An entry as `COLUMNS`; of any engine."""
    purposes, lifted = bits_of(one.purposes), bits_of(one.lifted)
    return one.hash, one.key, one.kind, one.why.value, one.since, one.erasure, purposes, one.until, lifted


def entry_of(columns: Sequence[Any]) -> Suppression:
    """The entry of what was read as `COLUMNS`; of any engine."""
    hashed, key, kind, why, since, erasure, purposes, until, lifted = columns
    return Suppression(hashed, key, kind, Why(why), since, erasure, _purposes(purposes), until, _purposes(lifted))


def bits_of(purposes: Iterable[Purpose]) -> int:
    """Purposes as rows hold them."""
    return sum([_BITS[purpose] for purpose in {*purposes} if purpose in _BITS])


def _purposes(bits: int) -> frozenset[Purpose]:
    return frozenset([purpose for purpose, bit in _BITS.items() if bits & bit])


def _prefix(hashed: bytes) -> int:
    return int.from_bytes(hashed[:_PREFIX], "big")
