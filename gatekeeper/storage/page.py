"""A page of memory that all workers of a node share: how far withdrawals are, and who is about to begin a request.

    published       256 numbers, one a process: the last withdrawal that it has committed. The largest of them is the
                    generation: a worker that reads it, and then the database, knows of all withdrawals up to it
    beginning       256 numbers, one a process: the oldest generation of a request that it is about to begin, or nothing
    changes         4,096 numbers, each that of the last choice of some subjects: what is remembered of them is stale
    suppressed      one number, that of the last commit which suppressed a person; written after it

Numbers of 64 bits, written and read whole. As long as a process holds its lock file, no other process writes its
numbers; those of a killed process delay no other. Every process that may write the database writes `changes`, and
announces a commit with them: a process that reads one, and then finds the database not so far, must not remember what
it read.
"""

from __future__ import annotations

import mmap
import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Final
from zlib import crc32

from gatekeeper.errors import StorageError
from gatekeeper.installation import forks
from gatekeeper.installation.forks import work
from gatekeeper.installation.locks import Lock
from gatekeeper.model import Heard
from gatekeeper.storage.owners import folder
from gatekeeper.storage.protocols import Slot

HEARD_WITHIN: Final = 5.0  # seconds for a process that is about to begin a request; it takes microseconds
_LOOK: Final = 0.0005  # seconds between two looks whether it has begun
_CHANGES: Final = 4_096
_PROCESSES: Final = 256
_BEGINNING: Final = _PROCESSES  # where each part begins, in numbers
_FIRST_CHANGE: Final = 2 * _PROCESSES
_SUPPRESSED: Final = _FIRST_CHANGE + _CHANGES
_BYTES: Final = 8 * (_SUPPRESSED + 1)


class _Process:
    """What one process has of the page; a forked child gets its own."""

    def __init__(self, path: Path, committed: int) -> None:
        self._file = _mapped(path / "page")
        self._whole = whole = memoryview(self._file)
        self.numbers = whole.cast("Q")
        self._published = whole[: 8 * _PROCESSES]
        self._known = b"", 0  # the last look at what is published, and the largest of it
        self.lock = threading.RLock()  # held inside of `work`: no child finds it held
        self.open: dict[int, int] = {}  # requests about to begin, by generation
        self._path = path
        self.number, self.owned = self._own()
        self.numbers[self.number] = max(committed, self.numbers[self.number])

    def _own(self) -> tuple[int, Lock]:
        """A number that belongs to no living process. Raises StorageError if there is none left."""
        for n in range(_PROCESSES):
            lock = Lock(self._path / f"sender-{n}")
            if lock.take():
                self.numbers[_BEGINNING + n] = 0
                return n, lock
        raise StorageError(f"more than {_PROCESSES} processes use one database")

    def generation(self) -> int:
        """The largest number that is published."""
        seen, largest = self._known
        now = bytes(self._published)  # fast: max() of 256 numbers takes 5 µs, comparing their bytes 0.1
        if now != seen:
            largest = max(memoryview(now).cast("Q"))
            self._known = now, largest
        return largest

    def unmap(self) -> None:
        """In a child: what is its parent's is not there any more."""
        for view in (self._published, self.numbers, self._whole):
            view.release()
        self._file.close()

    def close(self) -> None:
        """Begin nothing any more."""
        self.numbers[_BEGINNING + self.number] = 0
        self.owned.release()


class Page:
    """The page of one database. The file is made, and a number taken, with the first use, after any fork.

    `committed` reads the generation of the database, which the page may not know: it outlives no restart of a machine.
    """

    def __init__(self, database: Path, committed: Callable[[], int]) -> None:
        self._path = folder(database)
        self._committed = committed
        self._taking = forks.Guard()
        self._process: _Process | None = None
        forks.register(self)

    def forked(self) -> None:
        """In a child: it is another process, with a number of its own; the parent's slots are the parent's."""
        theirs, self._process = self._process, None
        if theirs is not None:
            theirs.unmap()

    def _mine(self) -> _Process:
        mine = self._process
        if mine is not None:
            return mine
        with self._taking:
            mine = self._process
            if mine is None:
                try:
                    mine = self._process = _Process(self._path, self._committed())
                except OSError as error:
                    raise StorageError(f"the workers' shared page cannot be used ({error.strerror})") from None
            return mine

    @property
    def generation(self) -> int:
        """How many withdrawals are in force. Raises StorageError."""
        return self._mine().generation()

    def publish(self, generation: int) -> None:
        """Let all workers know that the database holds this withdrawal. Raises StorageError."""
        mine = self._mine()
        with work, mine.lock:
            mine.numbers[mine.number] = max(generation, mine.numbers[mine.number])

    @property
    def suppressed(self) -> int:
        """The last commit that suppressed a person, as far as it was published. Raises StorageError."""
        return self._mine().numbers[_SUPPRESSED]

    def suppress(self, generation: int) -> None:
        """Let all workers know that this commit suppressed a person. Raises StorageError."""
        self._mine().numbers[_SUPPRESSED] = generation

    def announce(self, names: Iterable[str], generation: int) -> None:
        """Say that a commit of this generation is about to change what the ledger says of these pseudonyms."""
        numbers = self._mine().numbers
        for at in {_place(name) for name in names}:
            numbers[at] = generation

    def changes(self, names: Iterable[str]) -> tuple[tuple[int, int], ...]:
        """Where the changes of these pseudonyms stand, and which the last was. Raises StorageError."""
        numbers = self._mine().numbers
        return tuple([(at, numbers[at]) for at in map(_place, names)])

    def unchanged(self, seen: Iterable[tuple[int, int]]) -> bool:
        """Whether no change was announced since."""
        numbers = self._mine().numbers
        return all([numbers[at] == last for at, last in seen])  # noqa: C419  # fast: a generator takes twice as long

    def enter(self) -> Slot:
        """Say that a request is about to begin. Raises StorageError."""
        mine = self._mine()
        with work:
            with mine.lock:
                published, opened = mine.generation(), mine.open
                opened[published] = opened.get(published, 0) + 1
                mine.numbers[_BEGINNING + mine.number] = min(opened) + 1
            # Read again behind the lock, which is a barrier in memory, too: a withdrawal that has not seen our number
            # was published before this.
            with mine.lock:
                return Slot(published, mine.generation())

    def leave(self, slot: Slot) -> None:
        """Say that it has begun, or will not."""
        mine = self._process
        if mine is None:
            return
        with work, mine.lock:
            opened = mine.open
            left = opened.pop(slot.number, 0) - 1  # a slot of the parent is not there in a child
            if left > 0:
                opened[slot.number] = left
            mine.numbers[_BEGINNING + mine.number] = min(opened) + 1 if opened else 0

    def passed(self, generation: int) -> Future[Heard]:
        """Done when no request that does not know of this generation can begin; NOT_YET after five seconds."""
        done: Future[Heard] = Future()
        done.set_running_or_notify_cancel()
        if self._all_know(generation):
            done.set_result(Heard.HEARD)
        else:
            threading.Thread(
                target=self._wait, args=(generation, done), name="gatekeeper-withdrawal", daemon=True
            ).start()
        return done

    def _wait(self, generation: int, done: Future[Heard]) -> None:
        deadline = time.monotonic() + HEARD_WITHIN
        while True:
            with work:
                heard = self._look(generation, late=time.monotonic() > deadline)
                if heard is not None:
                    done.set_result(heard)
                    return
            time.sleep(_LOOK)

    def _look(self, generation: int, *, late: bool) -> Heard | None:
        """The answer, if there is one yet."""
        try:
            return Heard.HEARD if self._all_know(generation) else Heard.NOT_YET if late else None
        except StorageError:
            return Heard.NOT_YET

    def _all_know(self, generation: int) -> bool:
        numbers = self._mine().numbers
        for n in range(_PROCESSES):
            oldest = numbers[_BEGINNING + n]
            if oldest and oldest - 1 < generation:
                lock = Lock(self._path / f"sender-{n}")
                if not lock.take():  # it lives
                    return False
                numbers[_BEGINNING + n] = 0
                lock.release()
        return True

    def abandon(self) -> None:
        """Give the lock back and leave the page as it is, as the end of a killed process does: for tests."""
        if self._process is not None:
            self._process.owned.release()
        self._process = None

    def close(self) -> None:
        """Let go of it; the next use takes it up again."""
        with self._taking:
            if self._process is not None:
                self._process.close()
            self._process = None


def _place(name: str) -> int:
    return _FIRST_CHANGE + crc32(name.encode()) % _CHANGES


def _mapped(path: Path) -> mmap.mmap:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        if os.fstat(descriptor).st_size < _BYTES:
            os.truncate(descriptor, _BYTES)  # with zeros; done twice, it is the same
        return mmap.mmap(descriptor, _BYTES)
    finally:
        os.close(descriptor)
