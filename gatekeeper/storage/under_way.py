"""What the deliverer of this process has under way, by destination: how far it has claimed, and rows that it has.

Changed by the thread that writes. A commit that is rolled back takes its changes back.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from gatekeeper.installation import forks
from gatekeeper.storage.commits import Commit
from gatekeeper.storage.outbox import ID, Again, Flight


@dataclass(slots=True)
class Place:
    """How far the claims of one destination have come: SQLite's single writer lets ids be a cursor."""

    after: int = 0  # rows up to here were claimed before
    busy: set[Hashable] = field(default_factory=set)  # of those: under way, or waiting for another attempt
    waiting: set[Hashable] = field(default_factory=set)  # of those: waiting


class UnderWay:
    """Places by destination. Callers read them, and change them here alone."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        forks.register(self)

    def forked(self) -> None:
        """In a child: what is under way is its parent's."""
        self._places = {}

    def place(self, destination: str) -> Place:
        """A destination's place; a new one is at the beginning of the queue."""
        return self._places.setdefault(destination, Place())

    def begin_again(
        self,
        commit: Commit,
        destinations: Iterable[str],
        flights: Sequence[Flight],
        waiting: Sequence[tuple[str, Again]],
    ) -> None:
        """Know of what an ended deliverer left, and of nothing else."""
        places = {name: Place() for name in destinations}
        for flight in flights:
            places.setdefault(flight.destination, Place()).busy.update(map(ID, flight.rows))
        for name, again in waiting:
            place = places.setdefault(name, Place())
            place.busy.update(again.ids)
            place.waiting.update(again.ids)
        commit.undo.append(partial(setattr, self, "_places", self._places))
        self._places = places

    def take(self, commit: Commit, destination: str, ids: Collection[Hashable]) -> None:
        """Rows are under way."""
        place = self.place(destination)
        place.busy.update(ids)
        commit.undo.append(partial(place.busy.difference_update, ids))

    def free(self, commit: Commit, destination: str, ids: Collection[Hashable]) -> None:
        """Rows are no longer under way, and do not wait for another attempt."""
        place = self.place(destination)
        commit.undo.append(partial(place.busy.update, place.busy.intersection(ids)))
        place.busy.difference_update(ids)

    def wait(self, commit: Commit, destination: str, ids: Collection[Hashable]) -> None:
        """Rows that are under way wait for another attempt."""
        place = self.place(destination)
        commit.undo.append(partial(place.waiting.difference_update, ids))
        place.waiting.update(ids)

    def go_again(self, commit: Commit, destination: str, ids: Collection[Hashable]) -> None:
        """The time of rows that wait has come: they are neither waiting nor under way until they are claimed."""
        place = self.place(destination)
        self.free(commit, destination, ids)
        commit.undo.append(partial(place.waiting.update, ids))
        place.waiting -= set(ids)

    def go_to(self, commit: Commit, destination: str, after: int) -> None:
        """The next claim begins behind this row."""
        place = self.place(destination)
        commit.undo.append(partial(setattr, place, "after", place.after))
        place.after = after
