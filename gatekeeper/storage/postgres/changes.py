"""What one process knows of withdrawals: how many there were, and when each part of all persons was last in one."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from gatekeeper.storage.postgres.connecting import Connection, WentBack, run

PLACES: Final = 4_096


@lru_cache(maxsize=16_384)  # fast: a subject is in a row for each destination, and looked up with each of its events
def digest(subject: str) -> int:
    """A pseudonym as a number of 64 bits, as the tables hold it."""
    return int.from_bytes(hashlib.blake2b(subject.encode(), digest_size=8).digest(), "big", signed=True)


class Changes:
    """`generation` is the highest number that was ever seen, `suppressed` that of the last commit that suppressed.

    `lock` is its process's, held where it changes; looks need none.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._last = [0] * PLACES
        self.generation = 0
        self.suppressed = 0

    def of(self, names: Iterable[str]) -> tuple[tuple[int, int], ...]:
        """Where the changes of these pseudonyms stand, and which the last was."""
        return tuple([(place, self._last[place]) for place in map(_place, names)])

    def same(self, seen: Iterable[tuple[int, int]]) -> bool:
        """Whether there was no change since, as far as this process knows."""
        last = self._last
        return all([last[place] == before for place, before in seen])  # noqa: C419  # fast: as in `page`

    def publish(self, generation: int, people: Iterable[int], *, suppresses: bool) -> None:
        """Take up this process's own commit, from the moment that it is one."""
        with self._lock:
            self._learn(generation, people, suppresses=suppresses)
            if generation == self.generation + 1:  # else what was committed between is read first
                self.generation = generation

    def read(self, link: Connection) -> None:
        """Take up what was committed since. A database that knows less than this process has lost acknowledged data."""
        ((n, oldest),) = run(link, "SELECT n, oldest FROM generation")
        if n < self.generation:
            raise WentBack("the database knows of fewer withdrawals than this process")
        if n == self.generation:
            return
        changed = run(
            link, "SELECT n, people, suppresses FROM change WHERE n > %s AND n <= %s ORDER BY n", (self.generation, n)
        )
        with self._lock:
            if self.generation < oldest:
                self._last, self.suppressed = [n] * PLACES, n
            for generation, people, suppresses in changed:
                self._learn(generation, people, suppresses=suppresses)
            self.generation = max(n, self.generation)

    def _learn(self, generation: int, people: Iterable[int], *, suppresses: bool) -> None:
        if suppresses:
            self.suppressed = max(generation, self.suppressed)
        for one in people:
            place = one % PLACES
            self._last[place] = max(generation, self._last[place])


def _place(name: str) -> int:
    return digest(name) % PLACES
