"""The log's only writer in a process. Batches of lines in, durable lines out; then, and only then, the next step.

One thread, one file per process start. What arrived while the last batch was being synced makes the next one
(group commit): no delay is added. If a write fails, its callers are told and nothing of theirs is sent.
"""

from __future__ import annotations

import logging
import os
import queue
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from gatekeeper.audit.lines import Line
from gatekeeper.errors import AuditError, ConfigError

_log = logging.getLogger("gatekeeper")
_Batch = tuple[Sequence[Line], Callable[[], None] | None, Future[None]]


def usable(folder: Path) -> None:
    """Make the log's folder; raises ConfigError if lines could not be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        probe = folder / f".probe-{secrets.token_hex(4)}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        what = error.strerror or type(error).__name__
        raise ConfigError(f"audit.path: cannot write in {folder} ({what}); nothing would be sent") from None


class AuditWriter:
    """Appends lines to `<folder>/<start>-<pid>-<random>.jsonl`, opened with the first line.

    Without `fsync` a line counts as durable when the operating system has it: it survives the process, not the machine.
    """

    def __init__(self, folder: Path, *, fsync: bool = True) -> None:
        self._folder = folder
        self._fsync = fsync
        self._queue: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._descriptor: int | None = None
        self._failing = False

    def failing(self) -> bool:
        """Whether the last attempt to write failed."""
        return self._failing

    def append(self, batch: Sequence[Line], then: Callable[[], None] | None = None) -> Future[None]:
        """Make `batch` durable; `then` runs after it is. The future fails with AuditError if it cannot be."""
        done: Future[None] = Future()
        self._start()
        self._queue.put((batch, then, done))
        return done

    def close(self, timeout: float = 10.0) -> None:
        """Write what is waiting and stop."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None and self._pid == os.getpid():
            self._queue.put(None)
            thread.join(timeout)

    def _start(self) -> None:
        if self._thread is not None and self._pid == os.getpid():
            return
        with self._lock:
            if self._thread is not None and self._pid == os.getpid():
                return
            if self._pid not in (0, os.getpid()):  # forked: the parent's file, queue and thread are the parent's
                self._descriptor = None
                self._queue = queue.SimpleQueue()
            self._pid = os.getpid()
            self._thread = threading.Thread(target=self._run, name="gatekeeper-audit", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        stop = False
        while not stop:
            waiting: list[_Batch] = []
            first = self._queue.get()
            stop = first is None
            if first is not None:
                waiting.append(first)
                while len(waiting) < 1000 and not self._queue.empty():
                    more = self._queue.get()
                    if more is None:
                        stop = True
                        break
                    waiting.append(more)
            if waiting:
                self._commit(waiting)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _commit(self, waiting: Sequence[_Batch]) -> None:
        try:
            self._write(b"".join(line.core + b"\n" for batch, _, _ in waiting for line in batch))
        except OSError as error:
            if not self._failing:
                _log.error("the audit log cannot be written (%s): nothing is sent", error.strerror)
            self._failing = True
            for _, _, done in waiting:
                done.set_exception(AuditError("the audit log cannot be written"))
            return
        self._failing = False
        for _, then, done in waiting:
            try:
                if then is not None:
                    then()
                done.set_result(None)
            except Exception as error:  # noqa: BLE001  # one batch's trouble must not stop the log
                _log.error("handing over to delivery failed (%s)", type(error).__name__)
                done.set_exception(AuditError("the deliveries could not be handed over"))

    def _write(self, data: bytes) -> None:
        if self._descriptor is None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            now = time.time()
            start_of_file = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now))}.{int(now % 1 * 1e6):06}Z"
            name = f"{start_of_file}-{os.getpid()}-{secrets.token_hex(4)}.jsonl"
            self._descriptor = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        start = os.lseek(self._descriptor, 0, os.SEEK_END)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._descriptor, view) :]
            if self._fsync:
                os.fdatasync(self._descriptor)
        except OSError:
            # After a failed write nothing is known of the file's end: leave it and begin a new one next time.
            descriptor, self._descriptor = self._descriptor, None
            try:
                os.ftruncate(descriptor, start)
            finally:
                os.close(descriptor)
            raise
