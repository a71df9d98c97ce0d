"""The files of a stream that is being written: its segment, and the head that says how far it is durable.

The head is locked as long as a process has the stream. A write that fails is undone: the file is cut to what was
durable. Until that could be done, the segment is `spoiled`. Bytes in, durable bytes out; the lines are stream.py's.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from gatekeeper.audit.segments import head_file, sync_folder, write_head
from gatekeeper.installation import disk, forks
from gatekeeper.installation.locks import Lock

_PATIENCE: Final = 0.2  # seconds for another process that just looks whether the stream is alive


class Files:
    """The two files. With `durable`, only bytes that were synced are left when a write is undone; else all whole ones.

    Not safe for several threads.
    """

    def __init__(self, folder: Path, stream: str, *, durable: bool) -> None:
        self._folder = folder
        self._path = head_file(folder, stream)
        self._durable = durable
        self._lock = Lock(self._path)
        self._head = -1
        self._segment = -1
        self._before = -1  # the segment before it, until its end
        self._safe = 0  # bytes that are durable, or as good as that
        self.size = 0  # bytes of the segment
        self.last = b""  # what was written last
        self.spoiled = False  # bytes of a write that failed may be on the disk
        self.over = False  # a write failed, and the file was cut

    def take(self) -> None:
        """Lock the head. Raises OSError if another process keeps it."""
        if not self._lock.wait(_PATIENCE, 0.002):
            raise OSError(0, "the stream's head is locked")
        self._head = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
        forks.keep(self._head)

    def begin(self, path: Path) -> None:
        """Begin a segment; the one before it stays open until `end_last`. Raises OSError."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self._before, self._segment = self._segment, descriptor
        forks.keep(descriptor)
        self.size = self._safe = 0

    def name(self) -> None:
        """Make the segment's name durable. Raises OSError."""
        sync_folder(self._folder)

    def end_last(self) -> None:
        """Close the segment before this one, if there is one."""
        if self._before >= 0:
            before, self._before = self._before, -1
            forks.close(before)

    @property
    def open(self) -> bool:
        """Whether a segment is open for writing."""
        return self._segment >= 0

    def lost(self, path: Path) -> bool:
        """Whether the segment is no longer what `path` stands for: it was deleted, moved away, or another is there."""
        try:
            there = path.stat()
        except OSError:
            return True
        own = os.fstat(self._segment)
        return (there.st_ino, there.st_dev) != (own.st_ino, own.st_dev)

    def append(self, data: bytes, upto: tuple[int, bytes] | None) -> bool:
        """Write bytes. With `upto`, the last line's number and hash, all is on the disk afterwards and in the head.

        Returns whether all that was written is as durable as it gets. Raises OSError; then nothing of `data` is in
        the file, as far as can be.
        """
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._segment, view) :]
            if upto is not None:  # others name only what is on the disk
                self.sync()
                write_head(self._head, *upto)
        except OSError:
            self.spoiled = True
            with contextlib.suppress(OSError):
                self.undo()
            raise
        self.size += len(data)
        self.last = data
        safe = upto is not None or not self._durable
        if safe:
            self._safe = self.size
        return safe

    def sync(self) -> None:
        """Make the segment durable. Raises OSError."""
        disk.sync(self._segment)

    def undo(self) -> None:
        """Cut the segment to what is safe. Raises OSError; then it stays spoiled."""
        self.over = True
        os.ftruncate(self._segment, self._safe)
        self.sync()
        self.spoiled = False

    def forget(self) -> None:
        """Remove the head of a stream that never began. Raises OSError."""
        self._path.unlink(missing_ok=True)

    def release(self) -> None:
        """Close both and give the lock back, whatever is in them: another process, a fork, may have them."""
        for descriptor in (self._segment, self._head):
            if descriptor >= 0:
                with contextlib.suppress(OSError):
                    forks.close(descriptor)
        self._segment = self._head = -1
        self._lock.release()
