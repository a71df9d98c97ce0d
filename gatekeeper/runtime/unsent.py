"""An intake for test mode: what would be delivered is kept in memory, and nothing is queued."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final, NamedTuple

from gatekeeper.storage.outbox import Accepted, Arrival
from gatekeeper.storage.protocols import Intake

_MOST: Final = 10_000  # deliveries that are remembered; the oldest go first


class Unsent(NamedTuple):
    """A delivery that would be made: the event's request id, the destination, and the event as it would be sent."""

    request_id: str
    destination: str
    body: bytes


class UnsentIntake:
    """Accepts as the store's intake does, and keeps every delivery from the queue."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.room = intake.room
        self.unsent: deque[Unsent] = deque(maxlen=_MOST)

    def accept(self, arrivals: Sequence[Arrival]) -> Future[Accepted]:
        """Record the decisions; remember the deliveries."""
        for arrival in arrivals:
            self.unsent.extend(Unsent(arrival.request_id, job.destination, job.body) for job in arrival.jobs)
        return self._intake.accept([arrival._replace(jobs=()) for arrival in arrivals])
