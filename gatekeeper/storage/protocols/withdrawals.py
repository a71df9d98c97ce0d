"""What a store promises about withdrawals: what visitors refuse ends, and nothing of it begins any more."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from concurrent.futures import Future
from typing import Protocol

import msgspec

from gatekeeper.model import Epoch
from gatekeeper.storage.outbox import Refusal, Withdrawn


class Refusals(Protocol):
    """The side of the gate on which visitors refuse."""

    def sweep(self, refusals: Sequence[Refusal]) -> Future[int] | None:
        """End what was accepted before and is refused now, as `withdraw` does; the lines have the refusal's reason.

        `None` where nothing of it is there. That costs a look, before every answer to a visitor who refuses. Fails
        with StorageError also where a request may still begin; its rows are stopped all the same.
        """


class Slot(msgspec.Struct, frozen=True, gc=False):
    """A request that is about to begin; `generation` is how many withdrawals were known when it said so."""

    number: int
    generation: int


class Barrier(Protocol):
    """Nothing that needs a consent begins after its withdrawal was answered. Who sends does this for each request:

        slot = barrier.enter()                     at the last moment, with the connection open
        if slot is None: do not send               nothing that needs consent may begin here
        if slot.generation != decided: ask `withdrawn` (of a row of the queue: `stopped`), and do not send if so
        write the first byte; then, also where nothing was written, barrier.leave(slot)

    Between `enter` and `leave` nothing waits. A withdrawal is answered when every slot that is older has been left.
    """

    def now(self) -> Epoch | None:
        """How many withdrawals there were. `None`: this process cannot know; nothing that needs consent starts."""

    def enter(self) -> Slot | None:
        """Say that a request is about to begin."""

    def leave(self, slot: Slot) -> None:
        """Say that it has begun, or will not."""

    def withdrawn(self, subjects: Collection[str], destination: str, since: int) -> bool:
        """Whether one of the subjects took back what a destination needs, after that generation.

        Also where it is not known any more, because it was too long ago. Raises StorageError.
        """

    def stopped(self, destination: str) -> frozenset[Hashable]:
        """Rows that were cancelled while they were under way and have not ended. Raises StorageError."""

    def withdraw(self, subjects: Collection[str], reasons: Mapping[str, str]) -> Future[Withdrawn]:
        """End every row of the subjects to these destinations, and have no request that is decided already begin.

        Queued, waiting, dead and unrecorded rows end; of one that is under way no further request begins. Without a
        subject that the store knows nothing is waited for.
        """
