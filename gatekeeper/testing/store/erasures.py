"""Requests for erasure and the index of sent ids in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Future

from gatekeeper.storage.erasing import ANSWERED, DAY, Alias, ErasureRow, Outstanding
from gatekeeper.testing.store.memory import Memory
from gatekeeper.testing.store.worker import Worker


class MemoryErasures:
    """See `gatekeeper.storage.protocols.Erasures`."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._memory: Memory = worker.memory

    def add(self, row: ErasureRow) -> Future[bool]:
        """Insert the request, unless its id is there."""

        def step() -> bool:
            there = row.id in self._memory.erasures
            self._memory.erasures.setdefault(row.id, row)
            return not there

        return self._worker.do(step)

    def get(self, erasure: str) -> ErasureRow | None:
        """Give the request of that id."""
        with self._memory.lock:
            return self._memory.erasures.get(erasure)

    def page(self, state: str | None = None, due_before: float | None = None, limit: int = 1_000) -> list[ErasureRow]:
        """In the order of their due dates, without what is sealed."""
        with self._memory.lock:
            found = [
                one._replace(sealed=None, marks=())
                for one in self._memory.erasures.values()
                if state in (None, one.state) and (due_before is None or one.due < due_before)
            ]
        return sorted(found, key=lambda one: (one.due, one.id))[:limit]

    def save(self, row: ErasureRow) -> Future[bool]:
        """Where the version is the one that is there."""

        def step() -> bool:
            there = self._memory.erasures.get(row.id)
            if there is None or there.version != row.version:
                return False
            self._memory.erasures[row.id] = row._replace(version=row.version + 1)
            return True

        return self._worker.do(step)

    def work(self, now: float) -> list[str]:
        """Select the requests whose next step is due, the earliest first."""
        with self._memory.lock:
            due = [(one.next, one.id) for one in self._memory.erasures.values() if one.next is not None]
        return [erasure for at, erasure in sorted(due) if at <= now]

    def outstanding(self, now: float) -> Outstanding:
        """Count those that were not answered."""
        with self._memory.lock:
            waiting = [one.due for one in self._memory.erasures.values() if one.state not in ANSWERED]
        return Outstanding(len(waiting), sum(due <= now - DAY for due in waiting))

    def marked(self, marks: Collection[bytes]) -> list[str]:
        """A look at all of them."""
        wanted = {*marks}
        with self._memory.lock:
            return sorted(one.id for one in self._memory.erasures.values() if not wanted.isdisjoint(one.marks))

    def expire(self, before: float) -> Future[int]:
        """Delete old requests that ended, and entries of the index that ended."""

        def step() -> int:
            memory, now = self._memory, self._worker.clock()
            memory.aliases = {key: until for key, until in memory.aliases.items() if until > now}
            gone = [
                one.id
                for one in memory.erasures.values()
                if one.changed <= before and one.state in ("closed", "refused")
            ]
            for erasure in gone:
                del memory.erasures[erasure]
            return len(gone)

        return self._worker.do(step)

    def remember(self, aliases: Sequence[Alias]) -> Future[None]:
        """The later end wins."""

        def step() -> None:
            for one in aliases:
                key = one.name, one.destination, one.sealed
                self._memory.aliases[key] = max(self._memory.aliases.get(key, 0), one.until)

        return self._worker.do(step)

    def recall(self, names: Collection[bytes]) -> list[Alias]:
        """Select what the index holds under these names."""
        with self._memory.lock:
            return [Alias(*key, until) for key, until in self._memory.aliases.items() if key[0] in names]

    def forget(self, names: Collection[bytes]) -> Future[int]:
        """Delete what the index holds under these names."""

        def step() -> int:
            gone = [key for key in self._memory.aliases if key[0] in names]
            for key in gone:
                del self._memory.aliases[key]
            return len(gone)

        return self._worker.do(step)

    def wipe(self, names: Collection[str]) -> Future[None]:
        """What was decided before is known as withdrawn by its age alone."""

        def step() -> None:
            memory, wanted = self._memory, {*names}
            gone = [one for one in memory.withdrawn if not wanted.isdisjoint(one[1])]
            if gone:
                memory.oldest = max(memory.oldest, *(one[0] for one in gone))
                memory.withdrawn = [
                    (generation, left, reasons, at)
                    for generation, of, reasons, at in memory.withdrawn
                    if (left := of - wanted)
                ]

        return self._worker.do(step)

    def overwrite(self) -> None:
        """There are no files."""

    def people(self) -> list[str]:
        """From everything that has some."""
        memory = self._memory
        with memory.lock:
            found = {*memory.names}
            found.update(name for _, names, *_ in memory.withdrawn for name in names)
            found.update(name for _, _, row in memory.all() for name in row.subjects)
            for commit in memory.commits:
                found.update(name for line in (*commit.decisions, *commit.outcomes) for name in line.refs)
        return sorted(found)
