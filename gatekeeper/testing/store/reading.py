"""What a store in memory shows: dead letters, books, and lines that the log does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

from gatekeeper.installation import ids as request_ids
from gatekeeper.storage.outbox import Count, DeadLetter, Trouble
from gatekeeper.testing.store.lines import Lines
from gatekeeper.testing.store.upkeep import Upkeep
from gatekeeper.testing.store.worker import Worker


class MemoryDeadLetters:
    """See `gatekeeper.storage.protocols.DeadLetters`."""

    def __init__(self, worker: Worker, lines: Lines) -> None:
        self._worker = worker
        self._memory = worker.memory
        self._lines = lines

    def page(self, destination: str | None = None, limit: int = 1_000) -> list[DeadLetter]:
        """The newest dead letters."""
        with self._memory.lock:
            letters = [
                DeadLetter(str(n), name, row.request_id, row.event_time, attempts, why, at)
                for n, (name, row, attempts, why, at) in self._memory.dead.items()
                if destination in (None, name)
            ]
        return sorted(letters, key=lambda letter: (letter.at, int(letter.id)), reverse=True)[:limit]

    def retry(self, ids: Sequence[str]) -> Future[int]:
        """Queue dead letters again."""

        def step() -> int:
            memory = self._memory
            letters = [memory.dead.pop(int(one)) for one in ids if one.isdecimal() and int(one) in memory.dead]
            for name, row, *_ in letters:
                number = memory.id()
                memory.rows[number] = (name, row._replace(id=number))
                memory.count(name, accepted=1, queued=1)
                self._lines.write([self._lines.outcome(name, [row.request_id], "pending", "retried_by_hand", 0)])
            memory.tell()
            return len(letters)

        return self._worker.do(step)

    def purge(self, ids: Sequence[str]) -> Future[int]:
        """Delete these dead letters for good; how many there were."""
        return self._worker.do(
            lambda: sum(one.isdecimal() and self._memory.dead.pop(int(one), None) is not None for one in ids)
        )


class MemoryBooks:
    """See `gatekeeper.storage.protocols.Books`."""

    place: Path | None = None

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._memory = worker.memory

    def count(self) -> Mapping[str, Count]:
        """Counts of each destination, from the rows themselves."""
        memory = self._memory
        with memory.lock:
            oldest = {
                name: request_ids.milliseconds(row.request_id) / 1000
                for row_id, (name, row) in reversed(memory.rows.items())
                if row_id not in memory.hidden
            }
            return {
                name: Count(**memory.books.get(name, dict.fromkeys(Count.__slots__[:7], 0)), oldest=oldest.get(name))
                for name in {**dict.fromkeys(self._worker.bounds.destinations), **memory.books}
            }

    def troubles(self) -> dict[str, Trouble]:
        """The destinations whose vendors are failing."""
        with self._memory.lock:
            return dict(self._memory.troubles)

    def idle(self) -> bool:
        """Whether every row has ended and every line is written."""
        with self._memory.lock:
            return not self._memory.rows and not self._memory.commits and not self._memory.flights

    def failing(self) -> str | None:
        """Memory does not fail."""
        return None

    def standing(self) -> None:
        """There is one node."""
        return None

    def try_again(self) -> Future[None]:
        """Done at once: memory does not fail."""
        return self._worker.do(lambda: None)


class MemoryRecords:
    """See `gatekeeper.storage.protocols.Records`."""

    def __init__(self, worker: Worker, upkeep: Upkeep) -> None:
        self._worker = worker
        self._upkeep = upkeep

    def kept(self) -> int:
        """How many commits' lines the log does not have yet."""
        with self._worker.memory.lock:
            return sum(bool(commit.decisions or commit.outcomes) for commit in self._worker.memory.commits)

    def adopt(self) -> Future[int]:
        """Write the lines that ended workers could not write."""
        return self._worker.do(self._upkeep.adopt)
