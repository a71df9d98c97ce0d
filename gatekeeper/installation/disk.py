"""Making bytes durable: what the operating system offers for it."""

from __future__ import annotations

import fcntl
import os

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
