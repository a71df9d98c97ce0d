"""Requests for erasure and the index of sent ids in PostgreSQL.

Deleted rows are cleaned up by the server; its write-ahead log, its standbys and its backups keep them as long as they
are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Future
from typing import Any, Final

import orjson

from gatekeeper.audit.packed import unpack
from gatekeeper.storage.commits import Committer
from gatekeeper.storage.erasing import ANSWERED, DAY, ENDED, Alias, ErasureRow, Outstanding
from gatekeeper.storage.postgres.changes import digest
from gatekeeper.storage.postgres.commits import Commit
from gatekeeper.storage.postgres.connecting import LONG, Connection, run
from gatekeeper.storage.postgres.packets import load
from gatekeeper.storage.postgres.stopping import publish
from gatekeeper.storage.postgres.tables import Tables

_COLUMNS: Final = "id, version, state, due, next, changed, record"


class PostgresErasures:
    """See `protocols.Erasures`."""

    def __init__(self, tables: Tables, commits: Committer[Commit]) -> None:
        self._tables = tables
        self._commits = commits

    def add(self, row: ErasureRow) -> Future[bool]:
        """Insert the request, unless its id is there."""
        sql = (
            f"INSERT INTO erasure({_COLUMNS}, sealed, marks) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s::bytea[]) "
            "ON CONFLICT DO NOTHING RETURNING 1"
        )
        values = (*row[:7], row.sealed, [*row.marks])
        return self._commits.submit(lambda commit: bool(run(commit.link, sql, values)), pressing=True)

    def get(self, erasure: str) -> ErasureRow | None:
        """With its sealed part."""
        sql = f"SELECT {_COLUMNS}, sealed, marks FROM erasure WHERE id = %s"
        found = self._tables.read(lambda link: run(link, sql, (erasure,)))
        return _row(found[0]) if found else None

    def page(self, state: str | None = None, due_before: float | None = None, limit: int = 1_000) -> list[ErasureRow]:
        """In the order of their due dates."""
        sql = (
            f"SELECT {_COLUMNS}, NULL, '{{}}'::bytea[] FROM erasure WHERE (%s::text IS NULL OR state = %s) "
            "AND (%s::float8 IS NULL OR due < %s) ORDER BY due, id LIMIT %s"
        )
        values = (state, state, due_before, due_before, limit)
        return [_row(one) for one in self._tables.read(lambda link: run(link, sql, values))]

    def save(self, row: ErasureRow) -> Future[bool]:
        """Where the version is the one that is there."""
        sql = (
            "UPDATE erasure SET version = version + 1, state = %s, due = %s, next = %s, changed = %s, record = %s, "
            "sealed = %s, marks = %s::bytea[] WHERE id = %s AND version = %s RETURNING 1"
        )
        values = (*row[2:7], row.sealed, [*row.marks], row.id, row.version)
        return self._commits.submit(lambda commit: bool(run(commit.link, sql, values)), pressing=True)

    def work(self, now: float) -> list[str]:
        """Select the requests whose next step is due, the earliest first."""
        sql = "SELECT id FROM erasure WHERE next <= %s ORDER BY next, id"
        return [erasure for (erasure,) in self._tables.read(lambda link: run(link, sql, (now,)))]

    def outstanding(self, now: float) -> Outstanding:
        """Count those that were not answered."""
        sql = "SELECT count(*), count(*) FILTER (WHERE due <= %s) FROM erasure WHERE state <> ALL(%s)"
        ((waiting, late),) = self._tables.read(lambda link: run(link, sql, (now - DAY, [*ANSWERED])))
        return Outstanding(waiting, late)

    def marked(self, marks: Collection[bytes]) -> list[str]:
        """There are few requests with marks: those that are open."""
        sql = "SELECT id FROM erasure WHERE marks && %s::bytea[] ORDER BY id"
        return [erasure for (erasure,) in self._tables.read(lambda link: run(link, sql, ([*marks],)))]

    def expire(self, before: float) -> Future[int]:
        """Delete old requests that ended, and entries of the index that ended."""

        def step(commit: Commit) -> int:
            run(commit.link, "DELETE FROM alias WHERE until <= %s", (self._tables.clock(),))
            sql = "DELETE FROM erasure WHERE changed <= %s AND state = ANY(%s) RETURNING 1"
            return len(run(commit.link, sql, (before, [*ENDED])))

        return self._commits.submit(step)

    def remember(self, aliases: Sequence[Alias]) -> Future[None]:
        """The later end wins."""

        def step(commit: Commit) -> None:
            for one in sorted(aliases):  # in one order everywhere, so that two processes do not wait for each other
                run(
                    commit.link,
                    "INSERT INTO alias AS a VALUES (%s, %s, %s, %s) ON CONFLICT (name, destination, sealed) "
                    "DO UPDATE SET until = greatest(a.until, excluded.until)",
                    one,
                )

        return self._commits.submit(step)

    def recall(self, names: Collection[bytes]) -> list[Alias]:
        """Select what the index holds under these names."""
        sql = "SELECT name, destination, sealed, until FROM alias WHERE name = ANY(%s::bytea[])"
        found = self._tables.read(lambda link: run(link, sql, ([*names],)))
        return [Alias(bytes(name), destination, bytes(sealed), until) for name, destination, sealed, until in found]

    def forget(self, names: Collection[bytes]) -> Future[int]:
        """Delete what the index holds under these names."""
        sql = "DELETE FROM alias WHERE name = ANY(%s::bytea[]) RETURNING 1"
        return self._commits.submit(lambda commit: len(run(commit.link, sql, ([*names],))), pressing=True)

    def wipe(self, names: Collection[str]) -> Future[None]:
        """What was decided before is known as withdrawn by its age alone."""
        people = [*map(digest, names)]

        def step(commit: Commit) -> None:
            sql = "DELETE FROM change WHERE people && %s::bigint[] RETURNING n"
            gone = [n for (n,) in run(commit.link, sql, (people,))]
            if gone:
                run(commit.link, "UPDATE generation SET oldest = greatest(oldest, %s)", (max(gone),))
                publish(commit, ())

        return self._commits.submit(step, pressing=True)

    def overwrite(self) -> None:
        """The files are the server's: it writes over them as it needs the room, and the operator decides on more."""

    def people(self) -> list[str]:
        """From every table that has some."""
        return self._tables.read(_people, patience=LONG)


def _people(link: Connection) -> list[str]:
    found: set[str] = {name for (name,) in run(link, "SELECT pseudonym FROM name")}
    for (names,) in run(link, "SELECT names FROM change WHERE names <> ''"):
        found.update(names.split())
    for packet in load(link, "", ()):
        for row in packet.rows:
            found.update(row.subjects)
    for (payload,) in run(link, "SELECT payload FROM dead"):
        found.update(orjson.loads(payload)[0])
    for (blob,) in run(link, "SELECT lines FROM lines"):
        for line in unpack(blob):
            found.update(line.refs)
    return sorted(found)


def _row(columns: Sequence[Any]) -> ErasureRow:
    *seen, sealed, marks = columns
    return ErasureRow._make((*seen, None if sealed is None else bytes(sealed), tuple(map(bytes, marks))))
