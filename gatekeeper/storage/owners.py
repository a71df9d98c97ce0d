"""Who is alive. Each process holds a lock file beside the database; the kernel frees it when the process is killed.

No clock and no process ids: a lock that can be taken belongs to no process.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from gatekeeper.installation.locks import Lock


def folder(database: Path) -> Path:
    """Where a database's lock files are."""
    return database.with_name(database.name + ".locks")


class Owner:
    """This process, as others see it: a name of its own, and a lock that says it is alive."""

    def __init__(self, database: Path) -> None:
        self._folder = folder(database)
        self.name = secrets.token_hex(8)
        self._lock = Lock(self._folder / f"owner-{self.name}")
        self._lock.take()

    def close(self) -> None:
        """Remove the lock: no other process has to wait for this one."""
        (self._folder / f"owner-{self.name}").unlink(missing_ok=True)
        self._lock.release()

    def gone(self, name: str) -> bool:
        """Whether the process of another name has ended."""
        if name == self.name:
            return False
        path = self._folder / f"owner-{name}"
        if not path.exists():
            return True
        lock = Lock(path)
        if not lock.take():
            return False
        path.unlink(missing_ok=True)
        lock.release()
        return True
