"""Which subjects may have rows: what one process has read of the store's queue, in memory. Bounded by the queue.

A Bloom filter for every 1,024 ids of a destination (8 KB). Ids of a destination grow with every commit of any worker:
what was added since is found behind the last id that was read, and a filter goes when none of its rows is left. It may
say "perhaps" of a subject that has none, and never "none" of one that has some. `absent` remembers who was looked for,
and is a function of the queue: a new row of a subject ends it.

No lock of its own: one caller at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import apsw
from cachetools import LRUCache

from gatekeeper.storage.database import run
from gatekeeper.storage.rows import SHIFT

_BLOCK: Final = 10  # bits of an id within one filter
_BYTES: Final = 8_192
_REMEMBERED: Final = 16_384
_PRUNED_FROM: Final = 64


class Queued:
    """The filters of one process."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}  # of the destinations
        self._last: dict[int, int] = {}  # destination → the last id that was read
        self._blocks: dict[int, dict[int, bytearray]] = {}  # destination → block → filter
        self._pruned = _PRUNED_FROM
        self.absent: LRUCache[tuple[str, int], bool] = LRUCache(_REMEMBERED)

    def read(self, db: apsw.Connection, limit: int) -> bool:
        """Read what was added since, about `limit` rows at most; whether that was all. Inside a transaction."""
        whole = True
        for no, name, seq in run(db, "SELECT no, name, seq FROM destination"):
            self.numbers[name] = no
            top = (no << SHIFT) + seq
            last = min(top, self._last[no] if no in self._last else self._first(db, no, top) - 1)
            rows, end = [], top
            for table in ("outbox", "dead") if top > last else ():
                found = run(
                    db,
                    f"SELECT id, payload ->> 2 FROM {table} WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",  # noqa: S608  # ours
                    (last, top, limit),
                )
                rows += found
                if len(found) == limit:
                    end, whole = min(end, found[-1][0]), False
            for row_id, subjects in rows:
                if row_id <= end:
                    self._add(no, row_id, subjects.split())
            self._last[no] = end
        return whole

    def __len__(self) -> int:
        return sum(map(len, self._blocks.values()))

    def forget(self) -> None:
        """Read from the beginning with the next look; the filters stay, and are filled again."""
        self._last.clear()

    def position(self, no: int) -> int:
        """The last id of a destination that was read."""
        return self._last.get(no, -1)

    def perhaps(self, subjects: Iterable[str], no: int) -> list[tuple[int, int]]:
        """Spans of ids of a destination, first and last, in which one of the subjects may have a row."""
        wanted = [_places(one) for one in subjects if (one, no) not in self.absent]
        blocks = self._blocks.get(no)
        if not wanted or not blocks:
            return []
        return [
            (block << _BLOCK, ((block + 1) << _BLOCK) - 1)
            for block, bits in blocks.items()
            if any(all(bits[place >> 3] >> (place & 7) & 1 for place in places) for places in wanted)
        ]

    def _first(self, db: apsw.Connection, no: int, top: int) -> int:
        """The lowest id of a destination that has a row; the one after its last if none has."""
        found = [
            row_id
            for table in ("outbox", "dead")
            for (row_id,) in run(
                db,
                f"SELECT id FROM {table} WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1",  # noqa: S608  # ours
                (no << SHIFT, top),
            )
        ]
        return min(found, default=top + 1)

    def _add(self, no: int, row_id: int, subjects: Iterable[str]) -> None:
        bits = self._blocks.setdefault(no, {}).get(row_id >> _BLOCK)
        if bits is None:
            bits = self._blocks[no][row_id >> _BLOCK] = bytearray(_BYTES)
        for subject in subjects:
            self.absent.pop((subject, no), None)
            for place in _places(subject):
                bits[place >> 3] |= 1 << (place & 7)

    def prune(self, db: apsw.Connection) -> None:
        """Forget blocks without rows; look again when there are twice as many as are left.

        Not inside a transaction that writes: rows that it deletes are there again if it is rolled back.
        """
        if len(self) <= self._pruned:
            return
        exists: Callable[[str, int], bool] = lambda table, block: bool(  # noqa: E731  # one line, used twice
            run(
                db,
                f"SELECT 1 FROM {table} WHERE id BETWEEN ? AND ? LIMIT 1",  # noqa: S608  # ours
                (block << _BLOCK, ((block + 1) << _BLOCK) - 1),
            )
        )
        for no, blocks in self._blocks.items():
            self._blocks[no] = {
                block: bits for block, bits in blocks.items() if exists("outbox", block) or exists("dead", block)
            }
        self._pruned = max(_PRUNED_FROM, 2 * len(self))


def _places(subject: str) -> tuple[int, int, int, int]:
    """Four places of a filter."""
    number = hash(subject)
    return number & 0xFFFF, number >> 16 & 0xFFFF, number >> 32 & 0xFFFF, number >> 48 & 0xFFFF
