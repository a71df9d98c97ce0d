"""From the gate to the deliverer of the same process: flights that a store gives with its acceptance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future

from gatekeeper.storage.outbox import Accepted, Arrival, Flight
from gatekeeper.storage.protocols import Intake


class Handover:
    """An intake whose caller owns nothing: what a store gives it goes to `take`. See `protocols.Intake`."""

    def __init__(self, intake: Intake, take: Callable[[Sequence[Flight]], None]) -> None:
        self._intake = intake
        self._take = take
        self.room = intake.room

    def accept(self, arrivals: Sequence[Arrival]) -> Future[Accepted]:
        """Keep arrivals, and have what this process owns of them delivered."""
        done = self._intake.accept(arrivals)
        done.add_done_callback(self._owned)
        return done

    def _owned(self, done: Future[Accepted]) -> None:
        if done.exception() is None and done.result().flights:
            self._take(done.result().flights)
