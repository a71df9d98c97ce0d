"""Who is suppressed, as every process knows it, whatever the engine; and an entry as its columns.

A process keeps the first eight bytes of every hash, sorted, so that people who are not suppressed cost a search in
memory; what is found there is looked up in the table. What was removed needs no news: the look-up finds nothing. Only
which keys the rows need is read again while one of them is missing, so that the last removal ends what its loss denies.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final

from gatekeeper.installation import forks
from gatekeeper.model import OPTIONAL, Purpose, Suppression
from gatekeeper.model.suppression import Why

COLUMNS: Final = "hash, key, kind, why, since, erasure, purposes, until, lifted"
KEYS: Final = 0.5  # seconds between two looks at which keys the rows need, while one is missing
_PREFIX: Final = 8  # bytes of a hash that are kept in memory
_BITS: Final = {purpose: 1 << n for n, purpose in enumerate(OPTIONAL)}
Since = Callable[[int | None], tuple[int, list[bytes]]]
"""The newest row's generation, and the hashes of rows after one."""


class Prefixes:
    """The beginnings of hashes, which only become more: a sorted array, and beside it those that were added since."""

    __slots__ = ("_new", "_sorted")

    def __init__(self) -> None:
        self._sorted = array("Q")
        self._new: set[int] = set()

    def __len__(self) -> int:
        return len(self._sorted) + len(self._new)

    def add(self, hashes: Iterable[bytes]) -> None:
        """Take these hashes up, without reading the table again."""
        self._new.update(_prefix(one) for one in hashes)
        if len(self._new) > max(1_024, len(self._sorted) // 64):
            self._sorted = array("Q", sorted({*self._sorted, *self._new}))
            self._new = set()

    def __contains__(self, hashed: bytes) -> bool:
        prefix = _prefix(hashed)
        if prefix in self._new:
            return True
        at = bisect_left(self._sorted, prefix)
        return at < len(self._sorted) and self._sorted[at] == prefix


class Known:
    """What may be in the table. `announced` is a number that others change with each addition.

    `since` reads the table, where something was announced, and `every` so many seconds in any case; `all_keys` the keys
    of all rows.
    """

    def __init__(
        self, announced: Callable[[], int], since: Since, all_keys: Callable[[], Iterable[str]], every: float
    ) -> None:
        self._announced, self._since, self._all_keys, self._every = announced, since, all_keys, every
        self._lock = forks.Guard()
        self._prefixes = Prefixes()
        self._keys: frozenset[str] = frozenset()
        self._read = 0.0  # when the keys were
        self._seen: tuple[int, int] | None = None  # what was announced, and the newest row's generation
        self._looked = 0.0

    def any(self) -> bool:
        """Whether any person may be suppressed. Raises StorageError."""
        seen = self._seen
        if seen is None or seen[0] != self._announced() or time.monotonic() - self._looked > self._every:
            self._look()
        return len(self._prefixes) > 0

    def perhaps(self, hashes: Collection[bytes]) -> list[bytes]:
        """Those that may be in the table. Raises StorageError."""
        return [one for one in hashes if one in self._prefixes] if self.any() else []

    def keys(self, but: Collection[str]) -> frozenset[str]:
        """The keys of all rows but these; where there are any, as of half a second ago at most. Raises StorageError."""
        self.any()
        found = self._keys.difference(but)
        if found and time.monotonic() - self._read > KEYS:
            with self._lock:
                self._read_keys()
            found = self._keys.difference(but)
        return found

    def _look(self) -> None:
        """Read what came since the last look; all of it the first time."""
        announced = self._announced()  # before the table is read: it holds what was announced
        with self._lock:
            newest, new = self._since(None if self._seen is None else self._seen[1])
            if new:
                self._prefixes.add(new)
                self._read_keys()
            self._seen, self._looked = (announced, newest), time.monotonic()

    def _read_keys(self) -> None:
        self._keys, self._read = frozenset(self._all_keys()), time.monotonic()


def ends_of(one: Suppression) -> float:
    """When an entry ends; infinity for one that does not."""
    return float("inf") if one.until is None else one.until


def row_of(one: Suppression) -> tuple[Any, ...]:
    """An entry as `COLUMNS`."""
    purposes, lifted = bits_of(one.purposes), bits_of(one.lifted)
    return one.hash, one.key, one.kind, one.why.value, one.since, one.erasure, purposes, one.until, lifted


def entry_of(columns: Sequence[Any]) -> Suppression:
    """The entry of what was read as `COLUMNS`."""
    hashed, key, kind, why, since, erasure, purposes, until, lifted = columns
    return Suppression(hashed, key, kind, Why(why), since, erasure, _purposes(purposes), until, _purposes(lifted))


def bits_of(purposes: Iterable[Purpose]) -> int:
    """Purposes as rows hold them."""
    return sum([_BITS[purpose] for purpose in {*purposes} if purpose in _BITS])


def _purposes(bits: int) -> frozenset[Purpose]:
    return frozenset([purpose for purpose, bit in _BITS.items() if bits & bit])


def _prefix(hashed: bytes) -> int:
    return int.from_bytes(hashed[:_PREFIX], "big")
