"""Suppressed persons in PostgreSQL: as `gatekeeper.storage.suppressions`, but what was added is known by generation."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Final

from gatekeeper.model import Purpose, Suppression
from gatekeeper.model.suppression import Why
from gatekeeper.storage.commits import Committer
from gatekeeper.storage.outbox import Refusal, Withdrawn
from gatekeeper.storage.postgres.commits import Commit
from gatekeeper.storage.postgres.connecting import Connection, run
from gatekeeper.storage.postgres.members import Members
from gatekeeper.storage.postgres.stopping import PostgresRefusals, announce, publish
from gatekeeper.storage.postgres.tables import Tables
from gatekeeper.storage.suppressed import COLUMNS, Known, bits_of, ends_of, entry_of, row_of

LOOK: Final = 60.0  # seconds between two looks at the table where no change was heard of


class PostgresSuppressions:
    """See `protocols.Suppressions`."""

    def __init__(
        self, tables: Tables, commits: Committer[Commit], members: Members, refusals: PostgresRefusals
    ) -> None:
        self._tables = tables
        self._commits = commits
        self._refusals = refusals
        self._known = Known(
            lambda: members.suppressed,
            lambda before: tables.read(lambda link: _since(link, before)),
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
        now = self._tables.clock()
        sql = f"SELECT {COLUMNS} FROM suppression WHERE hash = ANY(%s)"
        found = [_entry(one) for one in self._tables.read(lambda link: run(link, sql, ([*hashes],)))]
        return tuple([one for one in found if ends_of(one) > now])

    def add(
        self, entries: Sequence[Suppression], names: Collection[str], reasons: Mapping[str, str]
    ) -> Future[Withdrawn]:
        """One commit, and all processes know of it."""

        def step(commit: Commit) -> list[Refusal]:
            generation = publish(commit, ())
            for one in entries:
                run(
                    commit.link,
                    f"INSERT INTO suppression AS s (generation, {COLUMNS}) VALUES (%s{', %s' * 9}) "
                    "ON CONFLICT (hash, why) DO UPDATE SET generation = excluded.generation, since = excluded.since, "
                    "erasure = excluded.erasure, purposes = s.purposes | excluded.purposes, "
                    "until = CASE WHEN s.until IS NULL OR excluded.until IS NULL THEN NULL "
                    "ELSE greatest(s.until, excluded.until) END, lifted = 0",
                    (generation, *row_of(one)),
                )
            announce(commit, names, reasons, self._tables.clock(), suppresses=True)
            return [Refusal(tuple(names), reasons)]

        return self._refusals.end(step)

    def remove(self, hashes: Collection[bytes], whys: Collection[Why]) -> Future[int]:
        """Delete rows; who is not in the table is not suppressed, at once."""
        sql = "DELETE FROM suppression WHERE hash = ANY(%s) AND why = ANY(%s) RETURNING 1"
        values = [*hashes], [why.value for why in whys]
        return self._commits.submit(lambda commit: len(run(commit.link, sql, values)), pressing=True)

    def page(self, after: bytes = b"", limit: int = 1_000) -> list[Suppression]:
        """Rows in the order of their hashes: all of the first `limit` hashes."""
        some = "SELECT DISTINCT hash FROM suppression WHERE hash > %s ORDER BY hash LIMIT %s"
        sql = f"SELECT {COLUMNS} FROM suppression WHERE hash IN ({some}) ORDER BY hash, why"
        return [_entry(one) for one in self._tables.read(lambda link: run(link, sql, (after, limit)))]

    def count(self) -> Mapping[str, int]:
        """Count the entries, by reason."""
        sql = "SELECT why, count(*) FROM suppression GROUP BY why"
        return dict(self._tables.read(lambda link: run(link, sql)))

    def keys(self, but: Collection[str] = ()) -> frozenset[str]:
        """As of half a second ago at most, where there are any."""
        return self._known.keys(but)

    def expire(self, at: float) -> Future[int]:
        """Delete what ended before."""
        sql = "DELETE FROM suppression WHERE until <= %s RETURNING 1"
        return self._commits.submit(lambda commit: len(run(commit.link, sql, (at,))))


def lift(link: Connection, hashes: Collection[bytes], at: float, granted: Iterable[Purpose]) -> None:
    """Note that an erased person granted something later, by an identifier of theirs. Inside a commit."""
    run(
        link,
        "UPDATE suppression SET lifted = lifted | (purposes & %s) WHERE why = %s AND since < %s AND hash = ANY(%s)",
        (bits_of(granted), Why.ERASED.value, at, [*hashes]),
    )


def _since(link: Connection, generation: int | None) -> tuple[int, list[bytes]]:
    """See `suppressed.Since`."""
    ((newest,),) = run(link, "SELECT coalesce(max(generation), 0) FROM suppression")
    if newest == generation:
        return newest, []
    new = [
        bytes(one) for (one,) in run(link, "SELECT hash FROM suppression WHERE generation > %s", (generation or -1,))
    ]
    return newest, new


def _keys(link: Connection) -> list[str]:
    return [key for (key,) in run(link, "SELECT DISTINCT key FROM suppression")]


def _entry(columns: Sequence[object]) -> Suppression:
    hashed, *rest = columns
    return entry_of((bytes(hashed), *rest))  # type: ignore[call-overload]  # the driver's bytes or memoryview
