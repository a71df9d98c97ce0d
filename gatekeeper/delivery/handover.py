"""Between the gate and the deliverer of one process: flights that a store gives with its acceptance, and the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait

from gatekeeper.installation import forks
from gatekeeper.storage.outbox import Accepted, Arrival, Flight
from gatekeeper.storage.protocols import Intake


class Handover:
    """An intake whose caller owns nothing: what a store gives it goes to `take`. See `protocols.Intake`."""

    def __init__(self, intake: Intake, take: Callable[[Sequence[Flight]], None]) -> None:
        self._intake = intake
        self._take = take
        self._waiting: set[Future[Accepted]] = set()
        self._refused = 0
        self.room = intake.room
        forks.register(self)

    def accept(self, arrivals: Sequence[Arrival]) -> Future[Accepted]:
        """Keep arrivals, and have what this process owns of them delivered."""
        done = self._intake.accept(arrivals)
        self._waiting.add(done)
        done.add_done_callback(self._owned)
        return done

    def wait(self, timeout: float) -> bool:
        """Wait until what was handed over is kept, or refused: a deliverer that ends then can still deliver it.

        Whether all of it, since the last call, is kept.
        """
        left = wait(tuple(self._waiting), timeout).not_done
        refused, self._refused = self._refused, 0
        return not refused and not left

    def forked(self) -> None:
        """In a child: what waits is its parent's."""
        self._waiting, self._refused = set(), 0

    def _owned(self, done: Future[Accepted]) -> None:
        self._waiting.discard(done)
        if done.exception() is not None:
            self._refused += 1
        elif done.result().flights:
            self._take(done.result().flights)
