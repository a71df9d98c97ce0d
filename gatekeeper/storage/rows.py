"""Rows of the embedded outbox, and the tables beside them. Inside a commit; no state of its own.

Row ids are (destination number << 40) + a sequence: one table without a second index, in which every destination's
rows lie together in the order of their arrival. `payload` is the rest of a row as a JSON array, so that many rows go
in, and come out, with one statement; its pseudonyms are joined by spaces there, and a tuple everywhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import apsw
import orjson

from gatekeeper.storage.database import run
from gatekeeper.storage.outbox import Row

SHIFT: Final = 40


def load(db: apsw.Connection, where: str, values: tuple[Any, ...], table: str = "outbox") -> list[Row]:
    """Rows, or dead letters of table `dead`, in one statement; see the module's docstring."""
    ((ids, payloads),) = run(
        db,
        f"SELECT group_concat(id), group_concat(payload) FROM (SELECT id, payload FROM {table} {where})",  # noqa: S608  # ours
        values,
    )
    if not ids:
        return []
    return [
        Row(row_id, request_id, event_time, tuple(subjects.split()), head, body)
        for row_id, (request_id, event_time, subjects, head, body) in zip(
            orjson.loads(f"[{ids}]"), orjson.loads(f"[{payloads}]"), strict=True
        )
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
    """Let rows wait for no further attempt."""
    run(db, "DELETE FROM again WHERE id IN (SELECT value FROM json_each(?))", (orjson.dumps(ids).decode(),))


def batches(
    rows: Sequence[Row], busy: Collection[object], events: int, size: int, flights: int
) -> tuple[list[list[Row]], int]:
    """Rows sorted into requests by their heads, and how many rows were looked at before there was no place left."""
    found: list[list[Row]] = []
    open_by_head: dict[str, list[Row]] = {}
    used: dict[str, int] = {}  # bytes of those
    for n, row in enumerate(rows):
        row_id, _, _, _, head, body = row
        if row_id in busy:
            continue
        more = len(body) + 1
        batch = open_by_head.get(head)
        if batch is None or len(batch) >= events or used[head] + more > size:
            if len(found) == flights:
                return found, n
            batch = open_by_head[head] = []
            used[head] = len(head)
            found.append(batch)
        batch.append(row)
        used[head] += more
    return found, len(rows)
