"""Suppressed persons in the embedded store: a table, and what each process knows of it (`suppressed.py`).

What was added is known from the commit on (a number on the shared page), and within a second where a process died in
between.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Final

import apsw
import orjson

from gatekeeper.model import Purpose, Suppression
from gatekeeper.model.suppression import Why
from gatekeeper.storage.commits import Commit, Committer
from gatekeeper.storage.database import run
from gatekeeper.storage.generations import generation_of, withdraw
from gatekeeper.storage.outbox import Refusal, Withdrawn
from gatekeeper.storage.page import Page
from gatekeeper.storage.suppressed import COLUMNS, Known, bits_of, ends_of, entry_of, row_of
from gatekeeper.storage.sweeping import SqliteRefusals
from gatekeeper.storage.tables import Tables

LOOK: Final = 0.5  # seconds between two looks at the table where nothing was announced
_EACH: Final = 500  # hashes that are looked up with one statement


class SqliteSuppressions:
    """See `protocols.Suppressions`."""

    def __init__(self, tables: Tables, commits: Committer[Commit], page: Page, refusals: SqliteRefusals) -> None:
        self._tables = tables
        self._commits = commits
        self._page = page
        self._refusals = refusals
        self._known = Known(
            lambda: page.suppressed,
            lambda before: tables.read(lambda db: _since(db, before)),
            lambda: tables.read(_keys),
            LOOK,
        )

    def any(self) -> bool:
        """Whether there may be an entry, as this process knows."""
        return self._known.any()

    def of(self, hashes: Collection[bytes]) -> tuple[Suppression, ...]:
        """Search in memory; what is there is looked up."""
        perhaps = self._known.perhaps(hashes)
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

    def keys(self, but: Collection[str] = ()) -> frozenset[str]:
        """As of half a second ago at most, where there are any."""
        return self._known.keys(but)

    def expire(self, at: float) -> Future[int]:
        """Delete what ended before."""

        def step(commit: Commit) -> int:
            run(commit.db, "DELETE FROM suppression WHERE until <= ?", (at,))
            return int(commit.db.changes())

        return self._commits.submit(step)


def lift(db: apsw.Connection, hashes: Collection[bytes], at: float, granted: Iterable[Purpose]) -> None:
    """Note that an erased person granted something later, by an identifier of theirs. Inside a commit."""
    run(
        db,
        "UPDATE suppression SET lifted = lifted | (purposes & ?) "
        "WHERE why = ? AND since < ? AND hash IN (SELECT unhex(value) FROM json_each(?))",
        (bits_of(granted), Why.ERASED.value, at, orjson.dumps([one.hex() for one in hashes]).decode()),
    )


def _since(db: apsw.Connection, generation: int | None) -> tuple[int, list[bytes]]:
    """See `suppressed.Since`."""
    ((newest,),) = run(db, "SELECT coalesce(max(generation), 0) FROM suppression")
    if newest == generation:
        return newest, []
    new = [one for (one,) in run(db, "SELECT hash FROM suppression WHERE generation > ?", (generation or -1,))]
    return newest, new


def _keys(db: apsw.Connection) -> list[str]:
    return [key for (key,) in run(db, "SELECT DISTINCT key FROM suppression")]


def _found(db: apsw.Connection, hashes: Sequence[bytes]) -> list[Suppression]:
    found = []
    for n in range(0, len(hashes), _EACH):
        digits = orjson.dumps([one.hex() for one in hashes[n : n + _EACH]]).decode()
        sql = f"SELECT {COLUMNS} FROM suppression WHERE hash IN (SELECT unhex(value) FROM json_each(?))"  # noqa: S608  # ours
        found += [entry_of(one) for one in run(db, sql, (digits,))]
    return found
