"""Suppressed persons in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future

from gatekeeper.model import Purpose, Suppression
from gatekeeper.model.suppression import Why
from gatekeeper.storage.outbox import Refusal, Withdrawn
from gatekeeper.testing.store.memory import Memory
from gatekeeper.testing.store.withdrawals import Stopping
from gatekeeper.testing.store.worker import Worker


class MemorySuppressions:
    """See `gatekeeper.storage.protocols.Suppressions`."""

    def __init__(self, worker: Worker, stopping: Stopping) -> None:
        self._worker = worker
        self._memory = worker.memory
        self._stopping = stopping

    def any(self) -> bool:
        """Whether there is an entry."""
        return bool(self._memory.suppressed)

    def of(self, hashes: Collection[bytes]) -> tuple[Suppression, ...]:
        """A look at all of them."""
        with self._memory.lock:
            now, wanted = self._worker.clock(), {*hashes}
            there = self._memory.suppressed.values()
            return tuple([one for one in there if one.hash in wanted and (one.until is None or one.until > now)])

    find = of

    def add(
        self, entries: Sequence[Suppression], names: Collection[str], reasons: Mapping[str, str]
    ) -> Future[Withdrawn]:
        """All of it under the lock."""
        with self._memory.lock:
            for one in entries:
                old = self._memory.suppressed.get((one.hash, one.why))
                if old is not None:
                    ends = None if old.until is None or one.until is None else max(old.until, one.until)
                    one = one._replace(purposes=old.purposes | one.purposes, until=ends, lifted=frozenset())
                self._memory.suppressed[one.hash, one.why] = one
            generation = self._stopping.withdraw(names, reasons)
            return self._stopping.end([Refusal(tuple(names), reasons)], generation)

    def remove(self, hashes: Collection[bytes], whys: Collection[Why]) -> Future[int]:
        """Those that are there."""
        wanted = [(one, why) for one in hashes for why in whys]
        return self._worker.do(lambda: sum(self._memory.suppressed.pop(one, None) is not None for one in wanted))

    def page(self, after: bytes = b"", limit: int = 1_000) -> list[Suppression]:
        """In the order of their hashes."""
        with self._memory.lock:
            hashes = sorted({one for one, _ in self._memory.suppressed if one > after})[:limit]
            there = sorted(self._memory.suppressed.values(), key=lambda one: (one.hash, one.why))
            return [one for one in there if one.hash in hashes]

    def count(self) -> Mapping[str, int]:
        """Count the entries, by reason."""
        with self._memory.lock:
            return dict(Counter(why.value for _, why in self._memory.suppressed))

    def keys(self, but: Collection[str] = ()) -> frozenset[str]:
        """Give the ids of the keys that entries were made with, all but these."""
        with self._memory.lock:
            return frozenset([one.key for one in self._memory.suppressed.values()]).difference(but)

    def expire(self, at: float) -> Future[int]:
        """Delete the entries that ended."""

        def step() -> int:
            there = self._memory.suppressed
            gone = [key for key, one in there.items() if one.until is not None and one.until <= at]
            for key in gone:
                del there[key]
            return len(gone)

        return self._worker.do(step)


def lift(memory: Memory, hashes: Collection[bytes], at: float, granted: Iterable[Purpose]) -> None:
    """Note that an erased person granted something later."""
    for key, one in memory.suppressed.items():
        if one.hash in hashes and one.why is Why.ERASED and one.since < at:
            memory.suppressed[key] = one._replace(lifted=one.lifted | (one.purposes & {*granted}))
