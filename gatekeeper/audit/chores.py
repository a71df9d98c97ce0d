"""What the log's writer does not wait for: closed segments are compressed, checkpoints are put outside.

One thread per process, begun with the first task. A task that fails is logged and tried again with the next start
(segments) or the next checkpoint (anchors).
"""

from __future__ import annotations

import contextlib
import logging
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from gatekeeper.audit import segments
from gatekeeper.audit.segments import Segment
from gatekeeper.errors import AuditError
from gatekeeper.installation import disk
from gatekeeper.installation.locks import Lock
from gatekeeper.installation.threads import ended

FILES: Final = "files.lock"  # held while segments are compressed or rewritten
_PATIENCE: Final = 3.0  # seconds for another process that is at the files
_LONG: Final = 30.0  # the same, where a caller waits for what is rewritten
_log = logging.getLogger("gatekeeper")


class Chores:
    """Tasks in their order, in the background."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def forked(self) -> None:
        """In a child: the tasks are its parent's."""
        self._queue, self._thread = queue.SimpleQueue(), None

    def add(self, task: Callable[[], None]) -> None:
        """Have a task done."""
        if self._thread is None:
            name = "gatekeeper-audit-chores"
            self._thread = threading.Thread(target=_run, args=(self._queue,), name=name, daemon=True)
            self._thread.start()
        self._queue.put(task)

    def close(self, timeout: float) -> None:
        """Finish the chores that wait."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            self._queue = queue.SimpleQueue()
            thread.join(timeout)
            ended(thread)


def _run(tasks: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    while (task := tasks.get()) is not None:
        try:
            task()
        except Exception as error:  # noqa: BLE001  # it is tried again, and nothing waits for it
            _log.warning("a chore of the audit log failed (%s)", type(error).__name__)


def compress(segment: Segment) -> None:
    """Compress a closed segment; if others are at the files for long, the next start does it. Raises OSError."""
    lock = Lock(segment.path.parent / FILES)
    if lock.wait(_PATIENCE):
        try:
            segments.pack(segment)
        finally:
            lock.release()


@contextlib.contextmanager
def rewriting(folder: Path) -> Iterator[None]:
    """Keep other processes from rewriting segments meanwhile. Raises AuditError where one does for long."""
    lock = Lock(folder / FILES)
    if not lock.wait(_LONG):
        raise AuditError("another process rewrites the log; try again later")
    try:
        yield
    finally:
        lock.release()


def anchor(where: str, folder: Path, line: bytes) -> None:
    """Put a checkpoint where a person who changes the log cannot reach it: `stdout`, a URL, or a file.

    Raises OSError, or an error of httpx.
    """
    if where == "stdout":
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    elif where.startswith(("http://", "https://")):
        import httpx

        httpx.post(
            where, content=line, headers={"Content-Type": "application/json"}, timeout=10.0, trust_env=False
        ).raise_for_status()
    else:
        path = folder / where
        path.parent.mkdir(parents=True, exist_ok=True)
        disk.add_line(path, line, mode=0o640)
