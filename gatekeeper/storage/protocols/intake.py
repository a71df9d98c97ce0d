"""What the gate asks of a store: arrivals in, durable rows out."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol

from gatekeeper.storage.outbox import Accepted, Arrival


class Intake(Protocol):
    """The gate's side of a store."""

    def room(self, destination: str, count: int, *, ours: bool = True) -> bool:
        """Whether `count` more rows can be kept for a destination, as far as this process knows.

        `ours`: of the operator's own servers and code, which may fill the queue; see `Bounds.most`.
        """

    def accept(self, arrivals: Sequence[Arrival]) -> Future[Accepted]:
        """Keep arrivals and have their lines written: all of them, or none.

        Done when rows and lines survive a crash; then, and not before, their rows can be claimed. A repetition (an
        arrival with the key of one accepted in the last seven days) is answered with the first one's request id, and
        goes only to destinations that the first one did not go to. If the outcome is an error, the sender may repeat
        without being answered as a repetition of what was refused.
        """
