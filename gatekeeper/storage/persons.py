"""Where a person stands in the embedded store: rows of every table that name one of their pseudonyms. Only read."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import apsw
import orjson

from gatekeeper.audit.packed import decided, unpack
from gatekeeper.storage.database import run
from gatekeeper.storage.outbox import Whereabouts
from gatekeeper.storage.rows import SHIFT, flying_ids
from gatekeeper.storage.tables import Tables


class SqlitePersons:
    """See `protocols.Persons`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def where(self, names: Collection[str]) -> Whereabouts:
        """One look at all tables: those of the queue and the lines that wait are read through."""
        wanted = frozenset(names)
        return self._tables.read(lambda db: _where(db, wanted))


def _where(db: apsw.Connection, wanted: frozenset[str]) -> Whereabouts:
    numbers = dict(run(db, "SELECT no, name FROM destination"))
    queued, dead = _rows(db, "outbox", wanted), _rows(db, "dead", wanted)
    flying, ids = flying_ids(db), orjson.dumps([*queued]).decode()
    waiting, stopped = (
        run(db, f"SELECT count(*) FROM {table} WHERE id IN (SELECT value FROM json_each(?))", (ids,))[0][0]  # noqa: S608  # ours
        for table in ("again", "stop")
    )
    unwritten = [
        line
        for (blob,) in run(db, "SELECT lines FROM unwritten")
        for line in unpack(blob)
        if not wanted.isdisjoint(line.refs)
    ]
    persons = _numbers(
        db, "SELECT DISTINCT person FROM name WHERE pseudonym IN (SELECT value FROM json_each(?))", wanted
    )
    ledger = _names(
        db,
        "SELECT group_concat(pseudonym, ' ') FROM name "
        "WHERE person IN (SELECT value FROM json_each(?1)) GROUP BY person",
        persons,
    )
    beside = _names(
        db,
        "SELECT group_concat(pseudonym, ' ') FROM name JOIN link ON person IN (device, account) "
        "WHERE device IN (SELECT value FROM json_each(?1)) OR account IN (SELECT value FROM json_each(?1)) "
        "GROUP BY device, account",
        persons,
    )
    (rows,) = _numbers(
        db,
        "SELECT count(*) FROM choice WHERE person IN (SELECT value FROM json_each(?1)) "
        "OR account IN (SELECT value FROM json_each(?1))",
        persons,
    )
    return Whereabouts(
        ledger=rows,
        links=len(beside),
        queued=len(queued),
        flying=len(flying.intersection(queued)),
        waiting=int(waiting),
        stopped=int(stopped),
        dead=len(dead),
        unwritten=len(unwritten),
        decided=decided(unwritten),
        destinations=frozenset([numbers[row_id >> SHIFT] for row_id in (*queued, *dead)]),
        together=(*queued.values(), *dead.values(), *(frozenset(line.refs) for line in unwritten), *ledger, *beside),
    )


def _numbers(db: apsw.Connection, sql: str, values: Collection[object]) -> list[int]:
    return [int(number) for (number,) in run(db, sql, (orjson.dumps([*values]).decode(),))]


def _names(db: apsw.Connection, sql: str, values: Collection[object]) -> list[frozenset[str]]:
    return [frozenset(names.split()) for (names,) in run(db, sql, (orjson.dumps([*values]).decode(),))]


def _rows(db: apsw.Connection, table: str, wanted: frozenset[str]) -> dict[int, frozenset[str]]:
    """Rows that name one of the pseudonyms: id -> all that they name."""
    found = {}
    for row_id, names in _named(db, table):
        if not wanted.isdisjoint(names):
            found[row_id] = frozenset(names)
    return found


def _named(db: apsw.Connection, table: str) -> Iterable[tuple[int, list[str]]]:
    for row_id, names in db.execute(f"SELECT id, payload ->> 2 FROM {table}"):  # noqa: S608  # ours
        yield row_id, str(names).split()
