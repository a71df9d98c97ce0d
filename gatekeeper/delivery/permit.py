"""The last question before a request: does what it needs still hold? Asked with the connection open (`Barrier`).

`begin` and `end` enclose the first byte, and nothing waits between them. A permit is for one request at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Final, Protocol

from gatekeeper.errors import StorageError
from gatekeeper.storage.protocols import Barrier, Slot

WITHHELD: Final = "withheld"  # not sent: the consent was withdrawn, or it cannot be known whether it was


class Withheld(Exception):  # noqa: N818  # a finding: what the request needs was withdrawn
    """The request may not begin any more; nothing of it was sent."""


class Permit(Protocol):
    """What a sender asks."""

    def begin(self) -> bool:
        """Whether the request may begin; if so, `end` must follow, else must not."""

    def end(self) -> None:
        """The first byte is with the system."""


class _Slotted:
    """A permit that holds its slot between `begin` and `end`."""

    def __init__(self, barrier: Barrier) -> None:
        self.barrier = barrier
        self._slot: Slot | None = None

    def begin(self) -> bool:
        """Enter, ask what happened since, and leave at once if it may not begin."""
        slot = self.barrier.enter()
        if slot is None:
            return False
        may = False
        try:
            may = self.holds(slot.generation)
        except StorageError:
            pass
        finally:
            if not may:
                self.barrier.leave(slot)
        if may:
            self._slot = slot
        return may

    def end(self) -> None:
        """Give the slot back: the first byte is with the system."""
        slot, self._slot = self._slot, None
        if slot is not None:
            self.barrier.leave(slot)

    def holds(self, generation: int) -> bool:
        """Whether what was decided holds at this generation. Raises StorageError."""
        raise NotImplementedError


class CallPermit(_Slotted):
    """For a call that was decided at a generation, about subjects."""

    def __init__(self, barrier: Barrier, subjects: Collection[str], destination: str, decided: int) -> None:
        super().__init__(barrier)
        self._subjects = subjects
        self._destination = destination
        self._decided = decided

    def holds(self, generation: int) -> bool:
        """Look whether one of the subjects took it back since."""
        if generation == self._decided:
            return True
        return not self.barrier.withdrawn(self._subjects, self._destination, self._decided)


def permit_for(barrier: Barrier | None, subjects: Collection[str], to: str, decided: int | None) -> Permit | None:
    """The permit of a call; `None` in a gate without a barrier, where nothing can be withdrawn."""
    return None if barrier is None or decided is None else CallPermit(barrier, subjects, to, decided)


class Stopped:
    """Rows of one destination's queue that no request may begin with, as far as they were read."""

    def __init__(self, barrier: Barrier, destination: str) -> None:
        self.barrier = barrier
        self._destination = destination
        self._read: int | None = None  # at which generation
        self.rows: frozenset[Hashable] = frozenset()

    def look(self, generation: int) -> None:
        """Read them again if there was a withdrawal since. Raises StorageError."""
        if generation != self._read:
            self.rows = self.barrier.stopped(self._destination)
            self._read = generation


class RowsPermit(_Slotted):
    """For rows of the queue."""

    def __init__(self, stopped: Stopped, rows: Collection[Hashable]) -> None:
        super().__init__(stopped.barrier)
        self._stopped = stopped
        self._rows = rows

    def holds(self, generation: int) -> bool:
        """Look whether one of them was stopped."""
        self._stopped.look(generation)
        return self._stopped.rows.isdisjoint(self._rows)
