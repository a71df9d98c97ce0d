"""The log folder's lock. Who holds it signs alone: heads are read, and keys are changed, under it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gatekeeper.installation.locks import Lock

LOCK: Final = "checkpoint.lock"
_PATIENCE: Final = 10.0  # seconds for the other processes that sign


@contextlib.contextmanager
def alone(folder: Path, patience: float = _PATIENCE) -> Iterator[None]:
    """Hold the folder's lock. Raises BlockingIOError if another process holds it for longer."""
    lock = Lock(folder / LOCK)
    if not lock.wait(patience, 0.005):
        raise BlockingIOError(0, "another process signs the log")
    try:
        yield
    finally:
        lock.release()
