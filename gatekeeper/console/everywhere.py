"""The newest lines of every machine's log, as one picture. This machine's at each look, the others' every few seconds.

Of a busy log less than the window is read: then the picture begins, for all machines, where the least of it does, so
that the shares of machines are right.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, TypeVar

from gatekeeper.audit.recent import Recent
from gatekeeper.audit.shared.mirror import Fetched, Other
from gatekeeper.errors import AuditError, StorageError

EVERY: Final = 10.0  # seconds between two looks at the other machines
PATIENCE: Final = 2.0  # seconds for others who use the copies of their logs
K = TypeVar("K")
Others = Callable[[float], AbstractContextManager[Fetched]]
"""The other machines' logs for a block, if they can be had in so many seconds. Raises AuditError, StorageError."""


class Everywhere:
    """What every machine wrote within the last `window` seconds, as far as it was read."""

    def __init__(self, folder: Path, window: float, others: Others | None = None) -> None:
        self._own = Recent(folder, window)
        self._window, self._others = window, others
        self._abroad: dict[str, list[Recent]] = {}  # by log
        self._next = 0.0
        self.machines: Sequence[Other] = ()
        self.missing: str | None = None  # why the other machines' newest lines are not here

    def look(self, now: float) -> None:
        """Read what is new. Raises AuditError where this machine's log cannot be read."""
        self._own.look(now)
        if self._others is not None and time.monotonic() >= self._next:
            try:
                with self._others(PATIENCE) as found:
                    machines = found.others
                    abroad = {
                        one.peer.log: [Recent(folder, self._window) for folder in (one.folder, one.kept)]
                        for one in machines
                    }
                    for recent in (one for pair in abroad.values() for one in pair):
                        recent.look(now)
                self.machines, self._abroad, self.missing = machines, abroad, None
            except (AuditError, StorageError) as error:
                self._abroad, self.missing = {}, str(error)
            self._next = time.monotonic() + EVERY

    def rate(self, now: float, seconds: float) -> float:
        """Events a minute within the last seconds."""
        return sum(one.rate(now, seconds) for one in self._all())

    def rates(self, now: float, seconds: float) -> tuple[float, dict[str, float]]:
        """The same of this machine, and of each other one whose newest lines are here, by its log."""
        abroad = {log: sum(one.rate(now, seconds) for one in pair) for log, pair in self._abroad.items()}
        return self._own.rate(now, seconds), abroad

    def since(self) -> float | None:
        """When the oldest event that is counted was decided."""
        begin = self._begin()
        return min((at for at, _ in self.events(begin)), default=None)

    def events(self, since: float = 0.0) -> Iterator[tuple[float, int]]:
        """When events were decided from a time on, and how many."""
        return ((at, count) for one in self._all() for at, count in one.events if at >= since)

    def flows(self) -> Counter[tuple[str, str, str]]:
        """How many deliveries there were: event, destination, and `sent` or `blocked`."""
        begin = self._begin()
        return _sum(one.flows(begin) for one in self._all())

    def reasons(self) -> Counter[tuple[str, str]]:
        """How many deliveries were blocked: destination and reason."""
        begin = self._begin()
        return _sum(one.reasons(begin) for one in self._all())

    def _all(self) -> list[Recent]:
        return [self._own, *(one for pair in self._abroad.values() for one in pair)]

    def _begin(self) -> float:
        """From when on all of it was read."""
        return max((one.since() or 0.0 for one in self._all() if one.is_cut), default=0.0)


def _sum(parts: Iterable[Counter[K]]) -> Counter[K]:
    found: Counter[K] = Counter()
    for one in parts:
        found.update(one)
    return found
