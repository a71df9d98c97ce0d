"""Rows that this process has just kept, so that a claim need not read them back. A function of the queue; bounded.

For each destination rows of consecutive ids, from the first one that no claim has taken. Whether all of them are still
in the queue, the claim asks the database: another worker may have ended one. No lock: the thread that writes uses it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from gatekeeper.storage.outbox import Row

BYTES: Final = 4 * 2**20  # of bodies, all destinations together
Payload = tuple[str, float, str, str, str]  # request id, event time, subjects, head, body


class Fresh:
    """The rows of one process."""

    def __init__(self) -> None:
        self.rows: dict[int, deque[Row]] = {}
        self.size = 0

    def add(self, no: int, first: int, payloads: Sequence[Payload]) -> None:
        """Keep rows of a destination, whose first id is given, if they follow those that are kept and have room."""
        rows = self.rows.setdefault(no, deque())
        if rows and rows[-1].id != first - 1:
            return
        for row_id, (request_id, event_time, subjects, head, body) in enumerate(payloads, first):
            if self.size > BYTES:
                return
            self.size += len(body)
            rows.append(Row(row_id, request_id, event_time, tuple(subjects.split()), head, body))

    def behind(self, no: int, after: int, before: int, limit: int) -> list[Row]:
        """At most `limit` rows with the ids that follow `after`, none from `before` on; those up to `after` go."""
        rows: deque[Any] = self.rows.get(no, deque())
        while rows and rows[0].id <= after:
            self.size -= len(rows.popleft().body)
        if not rows or rows[0].id != after + 1:
            return []
        return list(islice(rows, min(limit, max(0, before - after - 1))))

    def forget(self, no: int) -> None:
        """One of a destination's rows has ended: the database knows which are left."""
        self.size -= sum([len(row.body) for row in self.rows.pop(no, ())])
