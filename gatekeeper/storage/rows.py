"""Rows of the embedded outbox, and the tables beside them. Inside a commit; no state of its own.

Row ids are (destination number << 40) + a sequence: one table without a second index, in which every destination's
rows lie together in the order of their arrival. `frame` is the rest of a row as a JSON array, so that many rows go
in, and come out, with one statement.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import apsw
import orjson

from gatekeeper.storage.database import run
from gatekeeper.storage.outbox import (
    Row,
)

SHIFT: Final = 40
READ: Final = "'[' || id || ',' || substr(frame, 2)"  # a row, id and all, as one JSON array


def load(db: apsw.Connection, where: str, values: tuple[Any, ...]) -> list[Row]:
    """Rows in one statement; see the module's docstring."""
    ((text,),) = run(
        db,
        f"SELECT group_concat(row, ',') FROM (SELECT {READ} AS row FROM outbox {where})",  # noqa: S608  # ours
        values,
    )
    return [Row(*row) for row in orjson.loads(f"[{text}]")] if text else []


def unreleased(db: apsw.Connection) -> list[tuple[int, int]]:
    """Spans of rows, first and last id, whose decision line is not durable yet."""
    return [
        (first, last)
        for (text,) in run(db, "SELECT ranges FROM unwritten WHERE ranges != ''")
        for first, last in orjson.loads(text)
    ]


def flying_ids(db: apsw.Connection) -> set[int]:
    """Rows that are under way."""
    return {row_id for (ids,) in run(db, "SELECT ids FROM flight") for row_id in orjson.loads(ids)}


def stopped_ids(db: apsw.Connection, no: int) -> set[int]:
    """Rows of a destination that were cancelled while they were under way."""
    return {
        row_id
        for (row_id,) in run(db, "SELECT id FROM stop WHERE id BETWEEN ? AND ?", (no << SHIFT, ((no + 1) << SHIFT) - 1))
    }


def forget_waiting(db: apsw.Connection, ids: list[int]) -> None:
    """They wait for no further attempt."""
    run(db, "DELETE FROM again WHERE id IN (SELECT value FROM json_each(?))", (orjson.dumps(ids).decode(),))


def batches(
    rows: Sequence[Row], busy: Collection[int], events: int, size: int, flights: int
) -> tuple[list[list[Row]], int]:
    """Rows sorted into requests by their heads, and how many rows were looked at before there was no place left."""
    found: list[list[Row]] = []
    open_by_head: dict[str, tuple[list[Row], int]] = {}
    for n, row in enumerate(rows):
        if row.id in busy:
            continue
        batch, used = open_by_head.get(row.head, ([], 0))
        room = batch and len(batch) < events and used + len(row.body) + 1 <= size
        if not room:
            if len(found) == flights:
                return found, n
            batch, used = [], len(row.head)
            found.append(batch)
        batch.append(row)
        open_by_head[row.head] = (batch, used + len(row.body) + 1)
    return found, len(rows)
