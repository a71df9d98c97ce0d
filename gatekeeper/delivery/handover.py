"""Between the gate and the deliverer of one process: flights that a store gives with its acceptance, and the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait

from gatekeeper.storage.outbox import Accepted, Arrival, Flight
from gatekeeper.storage.protocols import Intake


class Handover:
    """An intake whose caller owns nothing: what a store gives it goes to `take`. See `protocols.Intake`."""

    def __init__(self, intake: Intake, take: Callable[[Sequence[Flight]], None]) -> None:
        self._intake = intake
        self._take = take
        self._last: Future[Accepted] | None = None
        self.room = intake.room

    def accept(self, arrivals: Sequence[Arrival]) -> Future[Accepted]:
        """Keep arrivals, and have what this process owns of them delivered."""
        done = self._last = self._intake.accept(arrivals)
        done.add_done_callback(self._owned)
        return done

    def wait(self, timeout: float) -> None:
        """Wait until what was handed over is kept, or refused: a deliverer that ends then can still deliver it.

        Acceptances end in the order in which they began, so that the last one stands for all.
        """
        if self._last is not None:
            wait([self._last], timeout)

    def _owned(self, done: Future[Accepted]) -> None:
        if done.exception() is None and done.result().flights:
            self._take(done.result().flights)
