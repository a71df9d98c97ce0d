"""Requests for erasure and the index of sent ids in the embedded store; `remnants.py` has what deletions leave."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

import apsw
import orjson

from gatekeeper.audit.packed import unpack
from gatekeeper.errors import StorageError
from gatekeeper.storage import database, remnants
from gatekeeper.storage.commits import Commit, Committer
from gatekeeper.storage.database import run
from gatekeeper.storage.erasing import ANSWERED, DAY, ENDED, Alias, ErasureRow, Outstanding
from gatekeeper.storage.generations import publish
from gatekeeper.storage.page import Page
from gatekeeper.storage.tables import Tables

_COLUMNS: Final = "id, version, state, due, next, changed, record"
MARK: Final = 16  # bytes


def late(path: Path, now: float) -> list[tuple[str, float]]:
    """Requests whose answer is overdue, and when it was due (Unix seconds); none where there is no database.

    Raises StorageError.
    """
    sql = f"SELECT id, due FROM erasure WHERE due <= ? AND state NOT IN ({', '.join('?' * len(ANSWERED))}) ORDER BY due"  # noqa: S608  # ours
    try:
        if not path.exists():
            return []
        with database.opened(path, read_only=True) as db:
            there = run(db, "SELECT 1 FROM sqlite_schema WHERE name = 'erasure'")
            return run(db, sql, (now - DAY, *ANSWERED)) if there else []
    except apsw.Error as error:
        raise StorageError(f"requests for erasure cannot be read: {database.reason(path, error)}") from None


class SqliteErasures:
    """See `protocols.Erasures`."""

    def __init__(self, tables: Tables, commits: Committer[Commit], page: Page) -> None:
        self._tables = tables
        self._commits = commits
        self._page = page

    def add(self, row: ErasureRow) -> Future[bool]:
        """Insert the request, unless its id is there."""

        def step(commit: Commit) -> bool:
            run(
                commit.db,
                f"INSERT OR IGNORE INTO erasure({_COLUMNS}, sealed, marks) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  # ours
                (*row[:7], row.sealed, b"".join(row.marks)),
            )
            return commit.db.changes() == 1

        return self._commits.submit(step, pressing=True)

    def get(self, erasure: str) -> ErasureRow | None:
        """With its sealed part."""
        sql = f"SELECT {_COLUMNS}, sealed, marks FROM erasure WHERE id = ?"  # noqa: S608  # ours
        found = self._tables.read(lambda db: run(db, sql, (erasure,)))
        return _row(found[0]) if found else None

    def page(self, state: str | None = None, due_before: float | None = None, limit: int = 1_000) -> list[ErasureRow]:
        """In the order of their due dates."""
        sql = (
            f"SELECT {_COLUMNS}, NULL, x'' FROM erasure WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR due < ?2) "  # noqa: S608  # ours
            "ORDER BY due, id LIMIT ?3"
        )
        return [_row(one) for one in self._tables.read(lambda db: run(db, sql, (state, due_before, limit)))]

    def save(self, row: ErasureRow) -> Future[bool]:
        """Where the version is the one that is there."""

        def step(commit: Commit) -> bool:
            run(
                commit.db,
                "UPDATE erasure SET version = version + 1, state = ?, due = ?, next = ?, changed = ?, record = ?, "
                "sealed = ?, marks = ? WHERE id = ? AND version = ?",
                (*row[2:7], row.sealed, b"".join(row.marks), row.id, row.version),
            )
            return commit.db.changes() == 1

        return self._commits.submit(step, pressing=True)

    def work(self, now: float) -> list[str]:
        """Select the requests whose next step is due, the earliest first."""
        sql = "SELECT id FROM erasure WHERE next <= ? ORDER BY next, id"
        return [erasure for (erasure,) in self._tables.read(lambda db: run(db, sql, (now,)))]

    def outstanding(self, now: float) -> Outstanding:
        """Count those that were not answered."""
        marks = ", ".join("?" * len(ANSWERED))
        sql = f"SELECT count(*), coalesce(sum(due <= ?), 0) FROM erasure WHERE state NOT IN ({marks})"  # noqa: S608  # ours
        ((waiting, late),) = self._tables.read(lambda db: run(db, sql, (now - DAY, *ANSWERED)))
        return Outstanding(waiting, late)

    def marked(self, marks: Collection[bytes]) -> list[str]:
        """There are few requests with marks: those that are open."""
        wanted = {*marks}
        rows = self._tables.read(lambda db: run(db, "SELECT id, marks FROM erasure WHERE marks != x'' ORDER BY id"))
        return [erasure for erasure, found in rows if not wanted.isdisjoint(_split(found))]

    def expire(self, before: float) -> Future[int]:
        """Delete old requests that ended, and entries of the index that ended."""

        def step(commit: Commit) -> int:
            run(commit.db, "DELETE FROM alias WHERE until <= ?", (self._tables.clock(),))
            run(
                commit.db,
                f"DELETE FROM erasure WHERE changed <= ? AND state IN ({', '.join('?' * len(ENDED))})",  # noqa: S608  # ours
                (before, *ENDED),
            )
            return int(commit.db.changes())

        return self._commits.submit(step)

    def remember(self, aliases: Sequence[Alias]) -> Future[None]:
        """The later end wins."""

        def step(commit: Commit) -> None:
            for one in aliases:
                run(
                    commit.db,
                    "INSERT INTO alias VALUES (?, ?, ?, ?) "
                    "ON CONFLICT DO UPDATE SET until = max(until, excluded.until)",
                    one,
                )

        return self._commits.submit(step)

    def recall(self, names: Collection[bytes]) -> list[Alias]:
        """Select what the index holds under these names."""
        sql = "SELECT * FROM alias WHERE name IN (SELECT unhex(value) FROM json_each(?))"
        return [Alias(*one) for one in self._tables.read(lambda db: run(db, sql, (_hex(names),)))]

    def forget(self, names: Collection[bytes]) -> Future[int]:
        """Delete what the index holds under these names."""

        def step(commit: Commit) -> int:
            run(commit.db, "DELETE FROM alias WHERE name IN (SELECT unhex(value) FROM json_each(?))", (_hex(names),))
            return int(commit.db.changes())

        return self._commits.submit(step, pressing=True)

    def wipe(self, names: Collection[str]) -> Future[None]:
        """What was decided before is known as withdrawn by its age alone."""

        def step(commit: Commit) -> None:
            wanted = orjson.dumps([*names]).decode()
            sql = "SELECT max(generation) FROM withdrawn WHERE pseudonym IN (SELECT value FROM json_each(?))"
            ((newest,),) = run(commit.db, sql, (wanted,))
            if newest is not None:
                run(commit.db, "UPDATE generation SET oldest = max(oldest, ?)", (newest,))
                publish(commit, self._page)
                run(commit.db, "DELETE FROM withdrawn WHERE pseudonym IN (SELECT value FROM json_each(?))", (wanted,))

        return self._commits.submit(step, pressing=True)

    def overwrite(self) -> None:
        """In the thread of the caller, with a connection of its own."""
        remnants.overwrite(self._tables.path)

    def people(self) -> list[str]:
        """From every table that has some."""
        return self._tables.read(_people)


def _people(db: apsw.Connection) -> list[str]:
    found: set[str] = {name for (name,) in run(db, "SELECT pseudonym FROM name")}
    found.update(name for (name,) in run(db, "SELECT DISTINCT pseudonym FROM withdrawn"))
    for table in ("outbox", "dead"):
        for (names,) in db.execute(f"SELECT payload ->> 2 FROM {table}"):  # noqa: S608  # ours
            found.update(str(names).split())
    for (blob,) in run(db, "SELECT lines FROM unwritten"):
        for line in unpack(blob):
            found.update(line.refs)
    return sorted(found)


def _row(columns: Sequence[Any]) -> ErasureRow:
    return ErasureRow._make((*columns[:-1], _split(columns[-1])))


def _split(marks: bytes) -> tuple[bytes, ...]:
    return tuple(marks[n : n + MARK] for n in range(0, len(marks), MARK))


def _hex(names: Collection[bytes]) -> str:
    return orjson.dumps([one.hex() for one in names]).decode()
