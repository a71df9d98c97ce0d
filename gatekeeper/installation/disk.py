"""Making bytes durable: what the operating system offers for it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from gatekeeper.installation.forks import aside


def sync(descriptor: int) -> None:
    """Wait until a file's bytes are on the disk. A fork does not wait for it. Raises OSError.

    macOS has no fdatasync, and its fsync leaves bytes in the drive's cache: F_FULLFSYNC does not (fsync(2) there).
    Where a file system knows no F_FULLFSYNC, fsync is what there is.
    """
    with aside():
        if hasattr(os, "fdatasync"):
            os.fdatasync(descriptor)
            return
        full = getattr(fcntl, "F_FULLFSYNC", None)
        if full is not None:
            try:
                fcntl.fcntl(descriptor, full)
            except OSError:
                pass
            else:
                return
        os.fsync(descriptor)


def add_line(path: Path, line: bytes, *, mode: int) -> None:
    """Append a line to a file durably, on a line of its own also where a crash cut the last one. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, mode)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, b"\n" + line if torn else line)
        sync(descriptor)
    finally:
        os.close(descriptor)
