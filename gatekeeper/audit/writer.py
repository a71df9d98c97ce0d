"""The log's only writer in a process. Batches of lines in, durable lines out; then, and only then, the next step.

One thread, one stream per start (stream.py), which upkeep.py looks after. What arrived while the last batch was being
synced makes the next one (group commit): no delay is added. If a write fails, its callers are told and nothing of
theirs is sent; the stream is left as it is, and a new one is tried with the next batch, and every second.

No caller waits for the line that says what became of a call: such lines are `put`. The caller's own thread writes them
at once, and they are durable with the next batch, or after `LAZY` seconds. They survive the process being killed; a cut
of the power may take the last of them.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Final

from gatekeeper.audit.authority import Authority
from gatekeeper.audit.heads import Heads
from gatekeeper.audit.lines import Line
from gatekeeper.audit.others import Known
from gatekeeper.audit.outside import Outside
from gatekeeper.audit.segments import Head
from gatekeeper.audit.signing import Signer
from gatekeeper.audit.stream import ROTATE, Stream
from gatekeeper.audit.upkeep import CHECKPOINT, Upkeep
from gatekeeper.errors import AuditError, ConfigError
from gatekeeper.installation import forks
from gatekeeper.installation.forks import work
from gatekeeper.installation.threads import ended

LAZY: Final = 0.25  # seconds after which lines are durable that no caller waits for
_KEPT: Final = 10_000  # of those lines, while the log cannot be written
_AGAIN: Final = 1.0  # seconds between two attempts to write again
_log = logging.getLogger("gatekeeper")
_Batch = tuple[Sequence[Line], Future[Head | None], bool]


class AuditWriter:
    """Appends lines to a stream of its own, begun with the first line.

    `signer` signs its beginning, checkpoints and its end. `anchor` is where checkpoints are put besides (see
    `chores.anchor`), relative to `base`; `authority` gives time stamps on them; `heads` is where ends of streams are
    kept. With `every` a segment is closed after so many seconds, if something is in it. `changed` is called, by any
    thread, when writing or anchoring begins or ceases to fail.

    Without `fsync` a line counts as durable when the operating system has it: it
    survives the process, not the machine.
    """

    def __init__(
        self,
        folder: Path,
        *,
        signer: Signer,
        rotate: int = ROTATE,
        every: float | None = None,
        checkpoint: float = CHECKPOINT,
        anchor: str | None = None,
        base: Path | None = None,
        heads: Heads | None = None,
        authority: Authority | None = None,
        fsync: bool = True,
        clock: Callable[[], float] = time.time,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._folder = folder
        self._changed = changed
        self._new_stream = partial(
            Stream, folder, signer=signer, rotate=rotate, every=every, fsync=fsync, clock=clock, heads=heads
        )
        self._outside = Outside(anchor, folder.parent if base is None else base, authority, changed)
        self._upkeep = Upkeep(folder, self._outside, heads, checkpoint=checkpoint, archived=every is not None)
        self._queue: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._turn = threading.Lock()  # held by the thread that writes
        self._late: deque[Line] = deque(maxlen=_KEPT)  # lines that were put, and are not written yet
        self._thread: threading.Thread | None = None
        self._before: threading.Thread | None = None  # the last one, which may be ending
        self._stream: Stream | None = None
        self._known: Known = {}
        self._begun = False  # a stream was there, and its file is lost
        self._failing = False
        forks.register(self)

    def failing(self) -> bool:
        """Whether the last attempt to write failed."""
        return self._failing

    def anchor_failing(self) -> bool:
        """Whether the last checkpoint could not be put outside, or got no time stamp."""
        return self._outside.failing

    def append(self, batch: Sequence[Line], *, signed: bool = False) -> Future[Head | None]:
        """Make `batch` durable, and with `signed` a signed line behind it. The future fails with AuditError.

        Its result is the stream's end after the batch.
        """
        done: Future[Head | None] = Future()
        done.set_running_or_notify_cancel()  # a caller that stops waiting for it cannot cancel it
        with work:
            self._start()
            self._queue.put((batch, done, signed))
        return done

    def put(self, batch: Sequence[Line]) -> None:
        """Write lines that no caller waits for. They are durable with the next batch, or after `LAZY` seconds."""
        with work:
            self._start()
            self._late.extend(batch)
            if not self._write_late():
                self._queue.put(((), Future(), False))

    def close(self, timeout: float = 15.0) -> None:
        """Write what is waiting and stop. It takes longer than the chores may."""
        with work, self._lock:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._before = thread
                self._queue.put(None)
        if thread is not None:
            thread.join(timeout)
            ended(thread)

    def forked(self) -> None:
        """In a child: file, queue and thread are its parent's."""
        if self._stream is not None:
            self._stream.release()
        self._stream, self._known, self._thread, self._before = None, {}, None, None
        self._queue, self._lock = queue.SimpleQueue(), threading.Lock()
        self._turn, self._late = threading.Lock(), deque(maxlen=_KEPT)
        self._upkeep.forked()

    def _start(self) -> None:
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="gatekeeper-audit", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        before = self._before
        if before is not None:
            before.join()  # the stream is one thread's at a time
        stop = False
        while not stop:
            waiting: list[_Batch] = []
            try:
                first = self._queue.get(timeout=self._patience())
            except queue.Empty:
                with work, self._turn:
                    self._tick()
                continue
            stop = first is None
            if first is not None:
                waiting.append(first)
                while len(waiting) < 1000 and not self._queue.empty():
                    more = self._queue.get()
                    if more is None:
                        stop = True
                        break
                    waiting.append(more)
            with work:
                with self._turn:
                    if waiting:
                        self._commit(waiting)
                    if not stop and self._stream is not None and self._upkeep.due(self._stream):
                        self._tick()
                self._write_late()
        with work, self._turn:
            if self._late:
                self._attempt(lambda: self._write([]))
            if self._stream is not None:
                if self._stream.spoiled or not self._attempt(partial(self._upkeep.close, self._stream)):
                    self._abandon()
                if self._stream is not None:
                    self._stream.release()
                self._stream = None
        self._upkeep.end()

    def _patience(self) -> float:
        """Seconds until something has to be done though no line comes."""
        if self._failing:
            return _AGAIN
        if self._stream is None:
            return max(self._upkeep.interval, 1.0)
        return min(self._upkeep.left(self._stream), LAZY)

    def _tick(self) -> None:
        """Without a line: try to write again, sync what was put, close a day that is over, sign a checkpoint."""
        if self._failing or self._late:
            self._attempt(lambda: self._write([]))
        elif self._stream is not None:
            self._attempt(partial(self._upkeep.look, self._stream))

    def _attempt(self, do: Callable[[], None]) -> bool:
        """Whether it could be done; if not, the stream is left and a new one is begun next time."""
        try:
            do()
        except Exception as error:  # noqa: BLE001  # whatever it is: no record, no send, and the thread goes on
            if not self._failing:
                what = error if isinstance(error, ConfigError) else getattr(error, "strerror", None)
                _log.error("the audit log cannot be written (%s): nothing is sent", what or type(error).__name__)
                self._failing = True
                self._changed()
            self._abandon()
            return False
        if self._failing:
            _log.info("the audit log can be written again")
            self._failing = False
            self._changed()
        return True

    def _abandon(self) -> None:
        """Leave the stream. While a write that failed cannot be undone it stays ours: it might be written twice."""
        if self._stream is not None:
            with contextlib.suppress(OSError):
                self._leave(self._stream)

    def _leave(self, stream: Stream) -> None:
        stream.abandon()
        self._late.extendleft(reversed(stream.late))  # they were taken off the disk
        self._stream = None

    def _write_late(self) -> bool:
        """Write what was put, unless another thread is at the log: it does so. `False` if the log's own thread must."""
        while self._late and self._turn.acquire(blocking=False):
            try:
                stream, batch = self._stream, list(self._late)
                if stream is None or self._failing or stream.lost() or not stream.put(batch):
                    return False
                for _ in batch:
                    self._late.popleft()
            except Exception:  # noqa: BLE001  # the log's own thread tries it again, and tells
                return False
            finally:
                self._turn.release()
        return True

    def _commit(self, waiting: Sequence[_Batch]) -> None:
        lines = [line for batch, _, _ in waiting for line in batch]
        if not self._attempt(lambda: self._write(lines)):
            for _, done, _ in waiting:
                done.set_exception(AuditError("the audit log cannot be written"))
            return
        asked = [done for _, done, signed in waiting if signed]
        head = None if self._stream is None else self._stream.head
        for _, done, signed in waiting:
            if not signed:
                done.set_result(head)
        if asked:
            written = self._attempt(self._sign)
            for done in asked:
                if written:
                    done.set_result(head)
                else:
                    done.set_exception(AuditError("the audit log cannot be signed"))

    def _sign(self) -> None:
        if self._stream is not None:
            self._upkeep.sign(self._stream)

    def _write(self, lines: Sequence[Line]) -> None:
        """Write what was put, then lines; all of it is durable."""
        if self._stream is not None and (self._stream.spoiled or self._stream.over or self._stream.lost()):
            self._begun = True
            self._leave(self._stream)
        if self._stream is None:
            if self._begun and not self._folder.is_dir():  # deleted beneath us: a log without its past is not begun
                raise FileNotFoundError(errno.ENOENT, "the log's folder is gone")
            asked = self._upkeep.asked()
            self._stream = self._new_stream(known=self._known)
            self._upkeep.begun(self._stream, asked)
        late = [self._late.popleft() for _ in range(len(self._late))]
        try:
            self._stream.write([*late, *lines])
        except BaseException:
            self._late.extendleft(reversed(late))
            raise
        self._upkeep.compress(self._stream)
