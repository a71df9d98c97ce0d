"""From the embedded store into PostgreSQL, with the gate stopped: everything or nothing, counted on both sides.

    ledger       choices, notices, names, links, evidence, suppressed persons, withdrawals of the last hour
    queue        rows that wait, rows for another attempt, and as such rows that were under way
    the rest     dead letters, keys of repetitions, books, the ends of the log's streams

The old file is left as it is, but no older or present Gatekeeper opens it again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import apsw
import orjson
import psycopg

from gatekeeper.counting import counted
from gatekeeper.errors import ConfigError
from gatekeeper.installation.locks import Lock
from gatekeeper.storage import choice_rows, database
from gatekeeper.storage.database import run as read
from gatekeeper.storage.erasures import MARK
from gatekeeper.storage.outbox import Row
from gatekeeper.storage.owners import folder
from gatekeeper.storage.postgres import packets, schema
from gatekeeper.storage.postgres.changes import digest
from gatekeeper.storage.postgres.connecting import LONG, Connection, close, connect, run, what
from gatekeeper.storage.postgres.intake import DAY
from gatekeeper.storage.postgres.packets import Packet, Place
from gatekeeper.storage.postgres.schema import SLOTS
from gatekeeper.storage.rows import SHIFT
from gatekeeper.storage.suppressed import COLUMNS as SUPPRESSED

MOVED: Final = 1_000_000  # the version of a file that was moved: newer than any that will be
TOGETHER: Final = 500  # rows of a packet, and of a statement
NOBODY: Final = "moved"  # the node that had rows under way: the first deliverer finds them
_AS_THEY_ARE: Final = {
    "notice": "hash, version, language, text, first_at",
    "name": "pseudonym, kind, person",
    "choice": f"person, account, {choice_rows.COLUMNS}",
    "link": "device, account",
    "evidence": "id, text",
    "suppression": f"generation, {SUPPRESSED}",
    "alias": "name, destination, sealed, until",
}
_BOOKS: Final = "accepted, delivered, dead, expired, cancelled, retried"


def move(path: Path, url: str, log: str) -> dict[str, int]:
    """Move all of a file; how many rows of each table. `log` is the name of this machine's audit log.

    Raises ConfigError: a gate runs, the tables are not empty, lines are not written, or a count differs.
    """
    with _alone(path), contextlib.closing(database.connect(path)) as db:
        try:
            link = connect(url, patience=LONG)
        except psycopg.Error as error:
            raise ConfigError(
                f"storage.url: PostgreSQL cannot be used ({what(error)}); {schema.remedy(error)}"
            ) from None
        try:
            with link.transaction():
                counts = _move(db, link, log)
            read(db, f"PRAGMA user_version = {MOVED}")
            return counts
        except psycopg.Error as error:
            raise ConfigError(f"storage move: nothing was moved ({what(error)}); {schema.remedy(error)}") from None
        finally:
            close(link)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the locks of every process that could use the file. Raises ConfigError if one is held."""
    if not path.exists():
        raise ConfigError(f"storage move: there is no {path}")
    names = ["deliverer", *(one.name for one in folder(path).glob("owner-*"))]
    locks = [Lock(folder(path) / name) for name in names]
    try:
        if not all(lock.take() for lock in locks):
            raise ConfigError("storage move: a gate uses this file; stop it first")
        yield
    finally:
        for lock in locks:
            lock.release()


def _move(db: apsw.Connection, link: Connection, log: str) -> dict[str, int]:
    ((version,),) = read(db, "PRAGMA user_version")
    if version != len(database.MIGRATIONS):
        raise ConfigError("storage move: the file was moved already, or is of another version; start this version once")
    if read(db, "SELECT 1 FROM unwritten LIMIT 1"):
        raise ConfigError("storage move: lines wait for the audit log; start the gate once more, and stop it")
    if schema.version(link) < schema.VERSION:
        raise ConfigError("storage move: the tables are not there; run `gatekeeper storage prepare`")
    for table in ("choice", "outbox", "dead", "book", "suppression", "erasure"):
        if run(link, f"SELECT 1 FROM {table} LIMIT 1"):
            raise ConfigError(f"storage move: the database is not empty ({table}); take a new one")
    counts = {table: _copy(db, link, table, columns) for table, columns in _AS_THEY_ARE.items()}
    run(link, "SELECT setval(pg_get_serial_sequence('choice', 'seq'), coalesce(max(seq), 1)) FROM choice")
    names = dict(read(db, "SELECT no, name FROM destination"))
    counts["erasure"] = _erasures(db, link)
    counts["withdrawn"] = _withdrawals(db, link)
    counts["outbox"] = _queue(db, link, names)
    counts["dead"] = _dead(db, link, names)
    counts["seen"] = _seen(db, link, names)
    for no, *numbers in read(db, f"SELECT no, {_BOOKS} FROM destination"):  # ours
        run(link, f"INSERT INTO book(writer, destination, {_BOOKS}) VALUES (0, %s{', %s' * 6})", (names[no], *numbers))
    for stream, n, hashed in read(db, "SELECT stream, n, hash FROM head"):
        run(link, "INSERT INTO head VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING", (stream, n, hashed, log))
    return counts


def _copy(db: apsw.Connection, link: Connection, table: str, columns: str) -> int:
    """A table whose columns are the same on both sides."""
    own = "OVERRIDING SYSTEM VALUE" if table == "choice" else ""
    sql = f"INSERT INTO {table}({columns}) {own} VALUES (%s{', %s' * columns.count(',')})"
    copied = 0
    for some in _slices(db.execute(f"SELECT {columns} FROM {table}")):
        with link.cursor() as cursor:
            cursor.executemany(sql.encode(), some)
        copied += len(some)
    return _counted(link, table, copied)


def _erasures(db: apsw.Connection, link: Connection) -> int:
    columns = "id, version, state, due, next, changed, record, sealed"
    found = read(db, f"SELECT {columns}, marks FROM erasure")  # ours
    for *values, marks in found:
        split = [marks[n : n + MARK] for n in range(0, len(marks), MARK)]
        run(link, f"INSERT INTO erasure({columns}, marks) VALUES (%s{', %s' * 7}, %s::bytea[])", (*values, split))
    return _counted(link, "erasure", len(found))


def _withdrawals(db: apsw.Connection, link: Connection) -> int:
    ((n, oldest),) = read(db, "SELECT n, oldest FROM generation")
    run(link, "UPDATE generation SET n = greatest(n, %s), oldest = %s", (n, oldest))
    found = read(db, "SELECT generation, pseudonym, reasons, at FROM withdrawn")
    for generation, pseudonym, reasons, at in found:
        run(
            link,
            "INSERT INTO change VALUES (%s, %s::bigint[], %s, %s, false, %s)",
            (generation, [digest(pseudonym)], reasons, at, pseudonym),
        )
    return _counted(link, "change", len(found))


def _queue(db: apsw.Connection, link: Connection, names: dict[int, str]) -> int:
    """Rows, by what they wait for; those of a flight stay together."""
    places: dict[int, Place] = {}
    for row_id, attempt, due, why in read(db, "SELECT id, attempt, due, why FROM again"):
        places[row_id] = Place(None, due, attempt, why, NOBODY)
    for no, attempt, ids in read(db, "SELECT destination, attempt, ids FROM flight"):
        ((number,),) = run(
            link,
            "INSERT INTO flight(destination, attempt, node) VALUES (%s, %s, %s) RETURNING id",
            (names[no], attempt, NOBODY),
        )
        places |= dict.fromkeys(orjson.loads(ids), Place(number, None, attempt, None, NOBODY))
    moved = 0
    for some in _slices(db.execute("SELECT id, payload FROM outbox ORDER BY id")):
        together: dict[tuple[str, str, Place], list[Row]] = {}
        for row_id, payload in some:
            request_id, event_time, subjects, head, body = orjson.loads(payload)
            row = Row(row_id, request_id, event_time, tuple(subjects.split()), head, body)
            key = names[row_id >> SHIFT], head, places.get(row_id, Place())
            together.setdefault(key, []).append(row)
        packets.insert(
            link,
            [
                Packet(0, destination, head, rows[0].event_time, None, place, tuple(rows))
                for (destination, head, place), rows in together.items()
            ],
        )
        moved += len(some)
    for row_id, why in read(db, "SELECT id, why FROM stop"):
        run(link, "INSERT INTO stop VALUES (%s, %s, %s)", (row_id, names[row_id >> SHIFT], why))
    ((there,),) = run(link, "SELECT coalesce(sum(n), 0) FROM outbox")
    return _same("outbox", moved, there)


def _dead(db: apsw.Connection, link: Connection, names: dict[int, str]) -> int:
    found = read(db, "SELECT id, payload, attempts, why, at FROM dead ORDER BY id")
    for row_id, payload, attempts, why, at in found:
        request_id, event_time, subjects, head, body = orjson.loads(payload)
        people = subjects.split()
        run(
            link,
            "INSERT INTO dead(destination, request_id, event_time, subjects, payload, attempts, why, at) "
            "VALUES (%s, %s, %s, %s::bigint[], %s, %s, %s, %s)",
            (
                names[row_id >> SHIFT], request_id, event_time, [*map(digest, people)],
                orjson.dumps((people, head, body)).decode(), attempts, why, at,
            ),
        )  # fmt: skip
    return _counted(link, "dead", len(found))


def _seen(db: apsw.Connection, link: Connection, names: dict[int, str]) -> int:
    sql = "INSERT INTO seen VALUES (%s, %s, %s, %s::text[], %s, 0)"
    moved = 0
    for some in _slices(db.execute("SELECT key, rest, request_id, destinations, at FROM seen")):
        rows = [
            (
                int(at // DAY) % SLOTS, key.to_bytes(8, "big", signed=True) + rest, request_id,
                [names[no] for no in orjson.loads(numbers) if no in names], at,
            )
            for key, rest, request_id, numbers, at in some
        ]  # fmt: skip
        with link.cursor() as cursor:
            cursor.executemany(sql.encode(), rows)
        moved += len(some)
    return _counted(link, "seen", moved)


def _slices(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    """Some rows at a time."""
    source = iter(rows)
    while some := list(islice(source, TOGETHER)):
        yield some


def _counted(link: Connection, table: str, moved: int) -> int:
    ((there,),) = run(link, f"SELECT count(*) FROM {table}")
    return _same(table, moved, there)


def _same(table: str, moved: int, there: int) -> int:
    if moved != there:
        raise ConfigError(
            f"storage move: nothing was moved: of {table} {counted(moved, 'row')} were read and {there:,} written"
        )
    return moved
