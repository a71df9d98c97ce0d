"""Remnants of deleted rows in the SQLite file: what `secure_delete` leaves, and how it goes.

SQLite writes zeros over a row that is deleted. But a page that was rebuilt, because rows moved to another page, keeps
older copies of rows in the part that belongs to no row (`rebuildPage` in its btree.c), and a later deletion finds the
row alone. So that part of each page is written over with zeros, in the file. Three things make this safe:

* The bytes belong to no row, so the database is sound whenever the process is killed.
* They are written while no other connection can write, and while the write-ahead log is empty: so the page in the file
  is the newest one, and no copy of it is on its way there.
* A connection keeps pages in memory, with their remnants, and would write them back. A commit of another connection
  makes it read them again, and there is one at the end of each part. It is of page 1, which holds names of tables
  alone. A process may be killed before that commit; but emptying the log makes all connections read again, too, and
  the next process begins with it. One process at a time is at it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import Final

import apsw

from gatekeeper.errors import StorageError
from gatekeeper.installation.forks import work
from gatekeeper.installation.locks import Lock
from gatekeeper.storage.database import connect, run
from gatekeeper.storage.owners import folder

PATIENCE: Final = 2_000  # milliseconds in which readers leave the write-ahead log, so that it can be emptied
TRIES: Final = 100  # to find the write-ahead log empty; another worker's commit must come in between to spoil one
BUSY: Final = 5.0  # seconds for another thread or process that is at it
LOOK: Final = 0.01  # seconds between two looks whether it is
PART: Final = 1_000  # pages that are written over while other workers' commits wait
LARGEST: Final = 1 << 25  # pages; in a larger file, numbers of pages could be taken for the first byte of rows' pages
_HEADERS: Final = {2: 12, 5: 12, 10: 8, 13: 8}  # first byte of a page that holds rows -> length of its header
_PAGE: Final = Struct(">xHHH")  # first free block, number of rows, begin of the rows
_BLOCK: Final = Struct(">HH")  # the next free block, length of this one
_HEAD: Final = 100  # bytes that describe the file


def remnants(page: bytes, usable: int) -> list[tuple[int, int]] | None:
    """Spans of a page, from and to, that belong to no row and are not zero; none of a page that holds no rows.

    `None` for what begins like a page of rows and is not one: it was read while another process wrote it, or holds
    a part of a long row. The format: sqlite.org/fileformat2.html, section 1.6.
    """
    header = _HEADERS.get(page[0])
    if header is None:
        return []
    block, rows, begin = _PAGE.unpack_from(page)
    spans = [(header + 2 * rows, begin or 65_536)]
    while block:
        if block < spans[-1][1] or block + _BLOCK.size > usable:
            return None
        following, length = _BLOCK.unpack_from(page, block)
        spans.append((block + _BLOCK.size, block + length))
        block = following
    if spans[-1][1] > usable or any(first > end for first, end in spans):
        return None
    return [(first, end) for first, end in spans if page.count(0, first, end) != end - first]


class File:
    """The file as SQLite's own file system opens it: its locks are not lost when this is closed, as Python's would be.

    POSIX drops all locks of a process on a file when any of its descriptors is closed; SQLite keeps such a descriptor
    open for as long as it needs (sqlite.org/howtocorrupt.html, section 2.2).
    """

    def __init__(self, path: Path) -> None:
        flags = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READWRITE
        self._file = apsw.VFSFile("", str(path), [flags, 0])
        head = self._file.xRead(_HEAD, 0)
        size = int.from_bytes(head[16:18])
        self._size = 65_536 if size == 1 else size
        self._usable = self._size - head[20]
        self._pages = self._file.xFileSize() // self._size
        if self._pages >= LARGEST or any(head[52:56]):  # the latter: `auto_vacuum`, whose pages of pointers look alike
            self._file.xClose()
            raise StorageError(
                "this database cannot be searched for deleted rows; VACUUM INTO writes a copy without them"
            )

    def look(self) -> list[int]:
        """Find the pages that have remnants, or may have some, counted from 0."""
        found, together = [], max(1, 2**20 // self._size)
        for first in range(0, self._pages, together):
            count = min(together, self._pages - first)
            data = self._file.xRead(count * self._size, first * self._size)
            pages = (data[n * self._size : (n + 1) * self._size] for n in range(count))
            found += [first + n for n, page in enumerate(pages) if first + n and remnants(page, self._usable) != []]
        return found

    def write_over(self, page: int) -> None:
        """Write zeros over what is left in a page."""
        at = page * self._size
        for first, end in remnants(self._file.xRead(self._size, at), self._usable) or ():
            self._file.xWrite(bytes(end - first), at + first)

    def sync(self) -> None:
        """Have it on the disk."""
        self._file.xSync(apsw.SQLITE_SYNC_FULL)

    def close(self) -> None:
        """Close the file; SQLite keeps its descriptor for as long as a connection has locks."""
        self._file.xClose()


@work
def overwrite(path: Path) -> None:
    """Let no byte of what was deleted stay in the file and in the write-ahead log.

    Raises StorageError where another connection is in the way, or the disk fails: then nothing is known to be gone,
    and it has to be done again.
    """
    try:
        path.stat()  # SQLite would make it
        with alone(path), contextlib.closing(connect(path)) as db:
            empty_log(db)
            with contextlib.closing(File(path)) as file:
                pages = file.look()
                for n in range(0, len(pages), PART):
                    with _nothing_is_written(db, path):
                        for page in pages[n : n + PART]:
                            file.write_over(page)
                        file.sync()
    except (apsw.Error, OSError) as error:
        what = type(error).__name__.removesuffix("Error").lower()
        raise StorageError(f"what was deleted cannot be written over ({what})") from None


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock file of those who are at it; the kernel frees it when a process is killed."""
    lock = Lock(folder(path) / "remnants")
    if not lock.wait(BUSY, LOOK):
        raise apsw.BusyError("another process is at it")
    try:
        yield
    finally:
        lock.release()


def empty_log(db: apsw.Connection) -> None:
    """Copy the write-ahead log into the database, and cut it. Raises apsw.BusyError while another connection reads."""
    db.set_busy_timeout(PATIENCE)  # other workers' commits wait as long as this does
    ((busy, _, _),) = run(db, "PRAGMA wal_checkpoint(TRUNCATE)")
    if busy:
        raise apsw.BusyError("another connection reads")


@contextlib.contextmanager
def _nothing_is_written(db: apsw.Connection, path: Path) -> Iterator[None]:
    """A transaction in which the write-ahead log is empty, and at whose end all connections read again."""
    log = path.with_name(path.name + "-wal")
    for _ in range(TRIES):
        empty_log(db)
        run(db, "BEGIN IMMEDIATE")
        if not log.stat().st_size:
            break
        run(db, "ROLLBACK")
    else:
        raise apsw.BusyError("other workers commit")
    yield
    ((version,),) = run(db, "PRAGMA user_version")
    run(db, f"PRAGMA user_version = {version}")  # writes page 1 as it was
    run(db, "COMMIT")
