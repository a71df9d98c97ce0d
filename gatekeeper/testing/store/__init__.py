"""A store in memory: what it keeps ends with the process. For tests of an app, and of what calls a store.

    runtime = Runtime(policy, store=open_memory)

It keeps every promise of `gatekeeper.storage.protocols` but one: nothing survives a crash. Several stores on one
`Memory` are several workers of one node; `MemoryStore.kill` ends one as SIGKILL would. With `owns`, a worker's
acceptance gives it its rows at once, as an engine may that packs rows for the process that accepted them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from gatekeeper.storage.protocols import Bounds, Intake, Missing, Needs, Recording
from gatekeeper.testing.store.erasures import MemoryErasures
from gatekeeper.testing.store.intake import MemoryIntake
from gatekeeper.testing.store.ledger import MemoryLedger
from gatekeeper.testing.store.lines import Lines
from gatekeeper.testing.store.memory import Memory
from gatekeeper.testing.store.persons import MemoryPersons
from gatekeeper.testing.store.queue import MemoryQueue
from gatekeeper.testing.store.reading import MemoryBooks, MemoryDeadLetters, MemoryRecords
from gatekeeper.testing.store.rows import Rows
from gatekeeper.testing.store.suppressions import MemorySuppressions
from gatekeeper.testing.store.upkeep import Upkeep
from gatekeeper.testing.store.withdrawals import MemoryBarrier, MemoryRefusals, Stopping
from gatekeeper.testing.store.worker import Worker

__all__ = ["Memory", "MemoryStore", "open_memory"]


class MemoryStore:
    """One worker's view, put together of a part per caller. See `gatekeeper.storage.protocols.Store`."""

    def __init__(
        self,
        bounds: Bounds,
        recorder: Recording,
        *,
        memory: Memory | None = None,
        missing: Missing = lambda lines, since: list(lines),
        clock: Callable[[], float] = time.time,
        owns: bool = False,
        heard_within: float = 5.0,
    ) -> None:
        self._worker = worker = Worker(memory or Memory(), bounds, clock)
        lines = Lines(worker, recorder)
        rows = Rows(worker, lines, owns=owns)
        stopping = Stopping(worker, lines, rows, heard_within)
        upkeep = Upkeep(worker, lines, rows, missing)
        self.intake: Intake = MemoryIntake(worker, lines, rows)
        self.queue = MemoryQueue(worker, lines, rows, upkeep)
        self.ledger = MemoryLedger(worker, lines, stopping)
        self.barrier = MemoryBarrier(worker, stopping)
        self.refusals = MemoryRefusals(worker, stopping)
        self.suppressions = MemorySuppressions(worker, stopping)
        self.erasures = MemoryErasures(worker)
        self.persons = MemoryPersons(worker)
        self.dead_letters = MemoryDeadLetters(worker, lines)
        self.books = MemoryBooks(worker)
        self.records = MemoryRecords(worker, upkeep)

    def use(self, bounds: Bounds) -> None:
        """Go by another policy's bounds, from now on."""
        self._worker.bounds = bounds

    def close(self) -> None:
        """Stop leading; what is kept stays as long as the `Memory`."""
        self.queue.leave()

    def kill(self) -> None:
        """End this worker as SIGKILL would: what it had under way and could not write is for the others."""
        self._worker.kill()


def open_memory(needs: Needs) -> MemoryStore:
    """A store in memory for `Runtime(store=…)`."""
    return MemoryStore(needs.bounds, needs.recorder, missing=needs.missing, clock=needs.clock)
