"""One stream of the log: what a process writes from its start to its end. Lines in, durable lines out.

    genesis   begins it: the product, the key, how far all other streams are, and the ends of those that crashed
    segment   begins each further file of it
    …         decisions, outcomes, checkpoints
    close     ends it

Not safe for several threads: the writer's thread alone uses it. After an OSError it is done: `abandon` it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from gatekeeper._version import __version__
from gatekeeper.audit import chain, others
from gatekeeper.audit.lines import Line, timestamp
from gatekeeper.audit.segments import Head, Segment, head_file, sync_folder, write_head
from gatekeeper.audit.signing import Signer, SigningKey
from gatekeeper.storage.owners import Lock

ROTATE: Final = 64 * 10**6  # bytes of a segment
LOCK: Final = "checkpoint.lock"  # held while heads are read and signed, and while keys are rotated
_DAY: Final = 86_400


class Stream:
    """A stream that was begun: its genesis is on disk. Raises OSError if it cannot be."""

    def __init__(
        self,
        folder: Path,
        *,
        rotate: int = ROTATE,
        signer: Signer | None = None,
        fsync: bool = True,
        clock: Callable[[], float] = time.time,
        known: others.Known | None = None,
    ) -> None:
        self.folder = folder
        self._rotate = rotate
        self._signer = signer
        self._fsync = fsync
        self._clock = clock
        self._number = 0
        self._n = 0
        self._hash = chain.FIRST
        self._size = 0
        self._day = 0
        self._descriptor = -1
        self._last = b""
        self.closed: list[Segment] = []  # to be compressed
        self.since = 0  # lines since the last checkpoint
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        now = clock()
        start = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now))}.{int(now % 1 * 1e6):06}Z"
        self.name = f"{start}-{os.getpid()}-{secrets.token_hex(4)}"
        self._lock = Lock(head_file(folder, self.name))
        self._head = -1
        try:
            for _ in range(100):  # somebody may just look whether it is alive
                if self._lock.take():
                    break
                time.sleep(0.002)
            else:
                raise OSError(0, "the stream's head is locked")
            self._head = os.open(head_file(folder, self.name), os.O_WRONLY | os.O_CLOEXEC)
            self._begin(others.look(folder, self.name, {} if known is None else known))
        except BaseException:
            self.abandon()
            if self._n == 0:
                with contextlib.suppress(OSError):
                    self._segment().plain.unlink(missing_ok=True)
                    head_file(folder, self.name).unlink(missing_ok=True)
            raise

    def write(self, lines: Sequence[Line]) -> None:
        """Make lines durable. Raises OSError; then nothing of them is in the log, as far as that can be."""
        self.turn()
        self._put(lines, sync=self._fsync)

    def _put(self, lines: Sequence[Line], *, sync: bool = True) -> None:
        salts = os.urandom(16 * len(lines))
        sealed = []
        n, digest = self._n, self._hash
        for i, line in enumerate(lines):
            n += 1
            written, digest = chain.seal(line, self.name, n, digest, salts[16 * i : 16 * i + 16])
            sealed.append(written)
        self._append(b"".join(sealed), sync)
        self._n, self._hash = n, digest
        self.since += len(lines)
        if sync:  # others name only what is on the disk
            write_head(self._head, n, digest)

    def turn(self) -> None:
        """Begin the next segment if this one is full, or its day is over. Raises OSError."""
        if self._size >= self._rotate or int(self._clock() // _DAY) != self._day:
            self._next_segment()

    def checkpoint(self, kind: str = "checkpoint") -> bytes | None:
        """Sign how far every stream is; the line, or None if another process is at it. Raises OSError, ConfigError.

        A newer key in the key folder is introduced first, by the one in use, which is destroyed then.
        """
        lock = Lock(self.folder / LOCK)
        if not lock.take():
            return None
        try:
            self.turn()
            key = None
            if self._signer is not None:
                key, *newer = self._signer.keys()
                for successor in newer:
                    self._sign({"kind": "key", "successor": successor.id, "public": successor.public.hex()}, key)
                    self._signer.retire(key)
                    key = successor
            self._sign({"kind": kind}, key)
        finally:
            lock.release()
        self.since = 0
        return self._last

    def _sign(self, core: dict[str, Any], key: SigningKey | None) -> None:
        core |= {"timestamp": timestamp(self._clock()), "heads": others.heads(self.folder, self.name)}
        if key is None:
            self._put([Line(orjson.dumps(core))])
            return
        plain = orjson.dumps(core | {"key": key.id})
        head = chain.begin(self.name, self._n + 1) + plain[1:-1]
        self._put([Line(chain.signed(plain, key.sign(chain.to_sign(self._hash, head))))])

    def close(self) -> bytes | None:
        """End the stream: a checkpoint, after which nothing follows. Raises OSError, ConfigError."""
        deadline = time.monotonic() + 2.0
        line = self.checkpoint("close")
        while line is None and time.monotonic() < deadline:
            time.sleep(0.01)
            line = self.checkpoint("close")
        self._release()
        return line

    def abandon(self) -> None:
        """Let go of it as it is; whoever begins the next stream takes it over."""
        self._release()

    @property
    def head(self) -> Head:
        """Its last durable line."""
        return Head(self.name, self._n, self._hash.hex())

    def _begin(self, found: others.Others) -> None:
        key = None if self._signer is None else self._signer.keys()[0]
        core = {
            "kind": "genesis",
            "timestamp": timestamp(self._clock()),
            "product": f"gatekeeper {__version__}",
            "key": None if key is None else key.id,
            "public": None if key is None else key.public.hex(),
            "heads": found.heads,
            "adopted": found.adopted,
        }
        self._open_segment(core)
        found.told(self.folder)
        self.closed += found.ended

    def _segment(self) -> Segment:
        return Segment(self.name, self._number, self.folder / f"{self.name}.{self._number:06}.jsonl")

    def _open_segment(self, core: dict[str, Any]) -> None:
        self._number += 1
        self._descriptor = os.open(
            self._segment().path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o640
        )
        self._size, self._day = 0, int(self._clock() // _DAY)
        sync_folder(self.folder)  # before anybody is told of a line in it
        self._put([Line(orjson.dumps(core))])

    def _next_segment(self) -> None:
        before, old = self._segment(), self._descriptor
        core: dict[str, Any] = {
            "kind": "segment",
            "previous": self._hash.hex(),
            "number": self._number + 1,
            "timestamp": timestamp(self._clock()),
        }
        if not self._fsync:
            os.fdatasync(old)
        try:
            self._open_segment(core)
        finally:
            if self._descriptor != old:
                os.close(old)
        self.closed.append(before)

    def _append(self, data: bytes, sync: bool) -> None:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._descriptor, view) :]
            if sync:
                os.fdatasync(self._descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(data)
        self._last = data

    def _release(self) -> None:
        for descriptor in (self._descriptor, self._head):
            if descriptor >= 0:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        self._descriptor = self._head = -1
        self._lock.release()
