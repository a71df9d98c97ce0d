"""Rows of the outbox in PostgreSQL: those of one commit, destination and head are kept together, as one packet.

A row of a table for each delivery would write three times as much, and leave its dead behind: a packet is a small row
with a compressed frame beside it, so that claiming copies the small row only. A row keeps its id wherever it goes; a
packet of which only a part ends, waits or flies is divided.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from gatekeeper.storage.outbox import ID, Row
from gatekeeper.storage.postgres.changes import digest
from gatekeeper.storage.postgres.connecting import Connection, run

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_LEVEL: Final = 1
_SHORT: Final = 1_024  # bytes; a frame of one event costs more to compress than to write
_BLOCK: Final = 1_000  # ids that a process takes at a time: the increment of the sequence `job`


class Place(NamedTuple):
    """Where a packet's rows are: ready without all of it, under way with `flight`, waiting with `due`."""

    flight: int | None = None
    due: float | None = None
    attempt: int = 0  # that were made
    why: str | None = None
    node: str | None = None


class Packet(NamedTuple):
    """Rows that are kept together. `record` is the record of `lines` that has to be written before they go."""

    id: int
    destination: str
    head: str
    at: float
    record: int | None
    place: Place
    rows: tuple[Row, ...]


# fast: a third less of the client's time than a row of parameters for each packet, which the driver has to find one by
# one; `%b` sends texts and bytes as they are, without quoting them. The plain form: VALUES (%s, …), (%s, …).
_INSERT: Final = """
INSERT INTO outbox(destination, head, n, at, record, flight, due, attempt, why, node, subjects, frame)
SELECT destination, head, n, at, record, flight, due, attempt, why, node, people::bigint[], frame FROM unnest(
    %b::text[], %b::text[], %s::int[], %s::float8[], %s::bigint[], %s::bigint[], %s::float8[], %s::int[],
    %s::text[], %s::text[], %b::text[], %b::bytea[]) WITH ORDINALITY
    AS p(destination, head, n, at, record, flight, due, attempt, why, node, people, frame, place)
ORDER BY place RETURNING id"""
COLUMNS: Final = "id, destination, head, at, record, flight, due, attempt, why, node, frame"


class Numbers:
    """Ids for rows, which no process gives twice."""

    def __init__(self) -> None:
        self._free: list[int] = []

    def take(self, link: Connection, count: int) -> list[int]:
        """So many that were never taken; those of a transaction that fails are lost."""
        if len(self._free) < count:
            blocks = -(-count // _BLOCK)
            for (first,) in run(link, "SELECT nextval('job') FROM generate_series(1, %s)", (blocks,)):
                self._free += range(first, first + _BLOCK)
        taken, self._free = self._free[:count], self._free[count:]
        return taken


def load(link: Connection, where: str, values: Sequence[Any]) -> list[Packet]:
    """Packets with their rows; `where` follows the columns, and may lock them."""
    return [packet(*found) for found in run(link, f"SELECT {COLUMNS} FROM outbox {where}", values)]


def packet(*found: Any) -> Packet:
    """A packet of what was read as `COLUMNS`."""
    number, destination, head, at, record, flight, due, attempt, why, node, frame = found
    place = Place(flight, due, attempt, why, node)
    return Packet(number, destination, head, at, record, place, rows_of(head, frame))


def rows_of(head: str, frame: bytes) -> tuple[Row, ...]:
    """The rows in a frame."""
    return tuple(
        [
            Row(row_id, request_id, event_time, tuple(subjects.split()), head, body)
            for row_id, request_id, event_time, subjects, body in orjson.loads(_unpacked(frame))
        ]
    )


def frame_of(rows: Sequence[Row]) -> bytes:
    """Rows as bytes, without their head: JSON, compressed unless it is short. A visitor's own head has one row."""
    data = orjson.dumps([(row.id, row.request_id, row.event_time, " ".join(row.subjects), row.body) for row in rows])
    return data if len(data) < _SHORT else zstd.compress(data, _LEVEL)


def _unpacked(frame: bytes) -> bytes:
    return frame if frame[:1] == b"[" else zstd.decompress(frame)


def people(rows: Sequence[Row]) -> list[int]:
    """The pseudonyms of rows, as the tables hold them."""
    return [*{digest(subject) for row in rows for subject in row.subjects}]


def insert(link: Connection, packets: Sequence[Packet]) -> list[int]:
    """Add packets, whose ids are given here, in their order; the ids."""
    if not packets:
        return []
    columns = zip(
        *[
            (
                one.destination, one.head, len(one.rows), one.at, one.record, *one.place,
                f"{{{','.join(map(str, people(one.rows)))}}}", frame_of(one.rows),
            )
            for one in packets
        ],
        strict=True,
    )  # fmt: skip
    return [number for (number,) in run(link, _INSERT, [*map(list, columns)])]


def sort_out(link: Connection, packets: Sequence[Packet], places: Mapping[object, Place | None]) -> None:
    """Put rows, by id, into another place, or (`None`) take them out; rows without an entry stay as they are."""
    gone: list[int] = []
    moved: dict[Place, list[int]] = {}
    parts: list[Packet] = []
    for one in packets:
        groups: dict[Place | None, list[Row]] = {}
        for row in one.rows:
            groups.setdefault(places.get(ID(row), one.place), []).append(row)
        left = {place: rows for place, rows in groups.items() if place is not None}
        if not left:
            gone.append(one.id)
            continue
        first = one.place if one.place in left else next(iter(left))
        kept = left.pop(first)
        if len(kept) != len(one.rows):
            run(
                link,
                "UPDATE outbox SET n = %s, subjects = %s::bigint[], frame = %s WHERE id = %s",
                (len(kept), people(kept), frame_of(kept), one.id),
            )
        if first != one.place:
            moved.setdefault(first, []).append(one.id)
        parts += [one._replace(place=place, rows=tuple(rows)) for place, rows in left.items()]
    if gone:
        run(link, "DELETE FROM outbox WHERE id = ANY(%s)", (gone,))
    for place, ids in moved.items():
        run(
            link,
            "UPDATE outbox SET flight = %s, due = %s, attempt = %s, why = %s, node = %s WHERE id = ANY(%s)",
            (*place, ids),
        )
    insert(link, parts)
