"""The deliverer's side of a store in memory."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future

from gatekeeper.storage.outbox import CANCELLED, Again, Claimed, Ending, Flight, Recovered, Trouble
from gatekeeper.storage.rows import batches
from gatekeeper.testing.store.lines import Lines
from gatekeeper.testing.store.memory import number_of
from gatekeeper.testing.store.rows import Rows
from gatekeeper.testing.store.upkeep import Upkeep
from gatekeeper.testing.store.worker import Worker


class MemoryQueue:
    """See `gatekeeper.storage.protocols.Queue`."""

    def __init__(self, worker: Worker, lines: Lines, rows: Rows, upkeep: Upkeep) -> None:
        self._worker = worker
        self._memory = worker.memory
        self._lines = lines
        self._rows = rows
        self._upkeep = upkeep

    def lead(self) -> bool:
        """Whether no other worker leads."""
        return self._worker.lead()

    def leave(self) -> None:
        """Let another worker lead."""
        self._worker.leave()

    def watch(self, claimable: Callable[[], None]) -> None:
        """Have `claimable` called when rows may be claimed."""
        self._memory.listeners.append(claimable)

    def troubled(self, destination: str, trouble: Trouble | None) -> None:
        """Say that a vendor is failing, or that it works again."""
        with self._memory.lock:
            self._memory.troubles.pop(destination, None)
            if trouble is not None:
                self._memory.troubles[destination] = trouble

    def recover(self) -> Future[Recovered]:
        """Take over what ended workers left."""
        with self._memory.lock:
            self._memory.troubles.clear()
        return self._worker.do(self._recover)

    def _recover(self) -> Recovered:
        memory = self._memory
        self._upkeep.adopt()
        flights = [flight._replace(id=memory.id()) for flight in memory.flights.values()]
        memory.flights = {number_of(flight.id): flight for flight in flights}
        groups: dict[tuple[str, float, int], list[Hashable]] = {}
        for row_id, (due, attempt) in memory.waiting.items():
            groups.setdefault((memory.rows[row_id][0], due, attempt), []).append(row_id)
        waiting = [(name, Again(due, attempt, tuple(ids))) for (name, due, attempt), ids in groups.items()]
        return Recovered(tuple(flights), tuple(waiting), {}, self._rows.bury())

    def ready(self, destination: str) -> int:
        """How many rows could be claimed now."""
        with self._memory.lock:
            return len(self._rows.claimable(destination))

    def claim(self, destination: str, *, events: int, size: int, flights: int) -> Future[Claimed]:
        """New flights, in the order of acceptance."""

        def step() -> Claimed:
            rows = self._rows.claimable(destination)
            together, taken = batches(rows, (), events, size, flights)
            return Claimed(tuple(self._rows.fly(destination, 1, batch) for batch in together), taken < len(rows))

        return self._worker.do(step)

    def claim_again(self, destination: str, again: Again) -> Future[Flight | None]:
        """A flight of rows whose waiting is over."""

        def step() -> Flight | None:
            rows = [self._memory.rows[number_of(row_id)][1] for row_id in again.ids if row_id in self._memory.waiting]
            for row in rows:
                self._memory.waiting.pop(number_of(row.id))
            return self._rows.fly(destination, again.attempt + 1, rows) if rows else None

        return self._worker.do(step)

    def settle(
        self, flight: Flight, endings: Sequence[Ending], again: Sequence[Again], why: str | None, landed: bool
    ) -> Future[bool]:
        """What became of rows of a flight."""

        def step() -> bool:
            memory = self._memory
            mine = memory.flights.get(number_of(flight.id))
            if mine is None:
                return False
            left = {row.id: row for row in mine.rows}
            for ending in endings:
                rows = tuple(left.pop(row.id) for row in ending.rows if row.id in left)
                self._rows.end(flight.destination, ending._replace(rows=rows), flight.attempt)
            for wait in again:
                rows = tuple(left.pop(row_id) for row_id in wait.ids if row_id in left)
                stopped = tuple(row for row in rows if row.id in memory.stopped)
                self._rows.end(flight.destination, Ending(CANCELLED, None, stopped), flight.attempt)
                rows = tuple(row for row in rows if row not in stopped)
                memory.waiting.update({number_of(row.id): (wait.due, wait.attempt) for row in rows})
                if rows:
                    memory.count(flight.destination, retried=len(rows))
                    names = [row.request_id for row in rows]
                    line = self._lines.outcome(flight.destination, names, "pending", why, flight.attempt)
                    self._lines.write([line])
            if landed:
                del memory.flights[number_of(flight.id)]
            else:
                memory.flights[number_of(flight.id)] = mine._replace(rows=tuple(left.values()))
            return True

        return self._worker.do(step)

    def give_back(self, flight: Flight) -> Future[bool]:
        """Let a flight's rows be claimed as if they never had been."""

        def step() -> bool:
            given = self._memory.flights.pop(number_of(flight.id), None) is not None
            if given:
                self._memory.tell()
            return given

        return self._worker.do(step)

    def maintain(self) -> Future[Recovered | None]:
        """Offer lines again, adopt, forget what is old."""
        return self._worker.do(self._upkeep.do_what_is_due)
