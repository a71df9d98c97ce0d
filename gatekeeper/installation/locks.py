"""Lock files: who is alive. The kernel frees a lock when its process ends, however it ends.

No clock and no process ids: a lock that can be taken belongs to no process.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from gatekeeper.installation import forks
from gatekeeper.installation.forks import work


class Lock:
    """One lock file. Taken at once or not at all; given back by `release`, or by the end of the process.

    Several have it at a time where it is `shared`, and none who has not shares it.
    """

    def __init__(self, path: Path, *, shared: bool = False) -> None:
        self._path = path
        self._how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Whether the lock is ours now."""
        if self._descriptor is not None:
            return True
        with work:  # a child that has the descriptor, and does not know of it, would keep its parent's lock
            return self._take()

    def _take(self) -> bool:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, self._how | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        forks.keep(descriptor)
        forks.register(self)
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give it back."""
        with work:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None:
                forks.forget(self)
                forks.close(descriptor)

    def forked(self) -> None:
        """In a child: the lock is its parent's."""
        self._descriptor = None
