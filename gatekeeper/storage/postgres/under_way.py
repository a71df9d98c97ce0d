"""What one deliverer has under way: its flights, and rows that it has in them or waiting. It follows the commits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from functools import partial

from gatekeeper.installation import forks
from gatekeeper.storage.outbox import ID, Flight, Row
from gatekeeper.storage.postgres.commits import Commit


class UnderWay:
    """Changed by the thread that writes; a commit that is rolled back takes its changes back."""

    def __init__(self) -> None:
        self._busy: dict[str, set[Hashable]] = {}  # rows, by destination
        self._flying: set[int] = set()
        forks.register(self)

    def forked(self) -> None:
        """In a child: what is under way is its parent's."""
        self._busy, self._flying = {}, set()

    def rows(self, destination: str) -> int:
        """How many rows there are."""
        return len(self._busy.get(destination, ()))

    @property
    def flights(self) -> list[int]:
        """The numbers of all flights."""
        return [*self._flying]

    def begin_again(self, commit: Commit) -> None:
        """Know of nothing."""
        commit.undo.append(self._restore())
        self._busy, self._flying = {}, set()

    def take(self, commit: Commit, destination: str, flights: Sequence[int], rows: Sequence[Row]) -> None:
        """Rows are under way in these flights, or wait where there are none."""
        busy, ids = self._busy.setdefault(destination, set()), [*map(ID, rows)]
        new = [row_id for row_id in ids if row_id not in busy]
        busy.update(new)
        self._flying.update(flights)
        commit.undo += [partial(busy.difference_update, new), partial(self._flying.difference_update, flights)]

    def free(self, commit: Commit, destination: str, ids: Collection[Hashable]) -> None:
        """Rows are not any more."""
        busy = self._busy.setdefault(destination, set())
        gone = busy.intersection(ids)
        busy.difference_update(gone)
        commit.undo.append(lambda: busy.update(gone))

    def land(self, commit: Commit, flight: Flight, number: int, *, there: bool) -> None:
        """A flight is over; of one that another deliverer took the rows are, too."""
        commit.committed.append(lambda: self._flying.discard(number))
        if not there:
            ids = [*map(ID, flight.rows)]
            commit.committed.append(lambda: self._busy.get(flight.destination, set()).difference_update(ids))

    def _restore(self) -> Callable[[], object]:
        busy, flying = self._busy, self._flying

        def undo() -> None:
            self._busy, self._flying = busy, flying

        return undo
