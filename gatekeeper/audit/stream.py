"""One stream of the log: what a process writes from its start to its end. Lines in, durable lines out.

    genesis   begins it: the product, the key, how far all other streams are, and the ends of those that crashed
    segment   begins each further file of it
    …         decisions, outcomes, checkpoints
    clock     the machine's clock went back
    close     ends it

Genesis, checkpoint, clock, key and close are signed, all under the folder's lock. Not safe for several threads: the
writer's thread alone uses it. After an OSError it is done: `abandon` it. Its files are those of files.py.
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
from gatekeeper.audit import begun, chain, others
from gatekeeper.audit.alone import alone
from gatekeeper.audit.begun import Begun
from gatekeeper.audit.files import Files
from gatekeeper.audit.heads import Heads
from gatekeeper.audit.lines import Line, timestamp
from gatekeeper.audit.sealing import TOLERANCE, seal
from gatekeeper.audit.segments import Head, Segment
from gatekeeper.audit.signing import Signer, SigningKey

ROTATE: Final = 64 * 10**6  # bytes of a segment
_DAY: Final = 86_400


class Stream:
    """A stream that was begun: its genesis is on disk. Raises OSError if it cannot be."""

    def __init__(
        self,
        folder: Path,
        *,
        signer: Signer,
        rotate: int = ROTATE,
        every: float | None = None,
        fsync: bool = True,
        clock: Callable[[], float] = time.time,
        known: others.Known | None = None,
        heads: Heads | None = None,
    ) -> None:
        self.folder = folder
        self._rotate, self._every = rotate, every
        self._opened = 0.0  # when the segment was begun, monotonic seconds
        self._begins = 0  # how many lines there were before it
        self.abroad: list[tuple[str, Head]] = []  # ends of other machines' logs, which the next signed lines name
        self.signer = signer
        self._fsync = fsync
        self._clock = clock
        self._number = 0
        self._n = 0
        self._hash = chain.FIRST
        self._day = 0
        self._latest = 0.0  # the latest time of a line
        self._genuine: set[str] = set()
        self.late: list[Line] = []  # written, and not durable yet
        self.closed: list[Segment] = []  # to be compressed
        self.since = 0  # lines since the last checkpoint
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        now = clock()
        start = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now))}.{int(now % 1 * 1e6):06}Z"
        self.name = f"{start}-{os.getpid()}-{secrets.token_hex(4)}"
        self._files = Files(folder, self.name, durable=fsync)
        self.adopted: list[Head] = []
        try:
            self._files.take()
            with alone(self.folder):
                self._begin({} if known is None else known, heads)
        except BaseException:
            self.release()
            if self._n == 0:
                with contextlib.suppress(OSError):
                    self.segment().plain.unlink(missing_ok=True)
                    self._files.forget()
            raise

    def lost(self) -> bool:
        """Whether its file is no longer what its name stands for: it was deleted, moved away, or another is there."""
        return self._files.lost(self.segment().path)

    @property
    def spoiled(self) -> bool:
        """Whether bytes of a write that failed may be on the disk."""
        return self._files.spoiled

    @property
    def over(self) -> bool:
        """Whether a write failed, and the file was cut: nothing can be written any more."""
        return self._files.over

    def write(self, lines: Sequence[Line]) -> None:
        """Make lines durable, and those that are `late`.

        Raises OSError, ConfigError; then nothing of either is in the log, as far as can be.
        """
        self.turn()
        if lines:
            self._put(lines, sync=self._fsync)
        else:
            self.sync()

    def put(self, lines: Sequence[Line]) -> bool:
        """Write lines without a sync: the next one makes them durable. `False` if something must be done before.

        Raises OSError; then they are not in the log, and neither are those that are `late`.
        """
        if self._files.over or self._files.spoiled or self._clock() < self._latest - TOLERANCE or self._turns():
            return False
        self._put(lines, sync=False)
        if self._fsync:
            self.late += lines
        return True

    def sync(self) -> None:
        """Make durable what is `late`. Raises OSError."""
        if self.late:
            self._append(b"", (self._n, self._hash))

    def _put(self, lines: Sequence[Line], *, sync: bool = True, signed: bool = False) -> None:
        if not lines:
            return
        now = self._now()
        self._latest = max(self._latest, now)
        sealed, digest = seal(lines, self.name, self._n, self._hash, now=now, mark=None if signed else self._mark)
        n = self._n + len(lines)
        self._append(sealed, (n, digest) if sync else None)
        self._n, self._hash = n, digest
        self.since += len(lines)

    def _now(self) -> float:
        """The time; a clock that goes back in this moment is noticed with the next line."""
        return max(self._clock(), self._latest - TOLERANCE)

    def turn(self, *, now: bool = False) -> None:
        """Begin the next segment if this one is full, its day is over, or `now`. Raises OSError, ConfigError."""
        if self._clock() < self._latest - TOLERANCE:
            with alone(self.folder):
                self._sign({"kind": "clock"}, self.signer.keys()[0])
        if now or self._turns():
            self._next_segment()

    def _turns(self) -> bool:
        if self._files.size >= self._rotate or int(self._clock() // _DAY) != self._day:
            return True
        old = self._every is not None and time.monotonic() - self._opened >= self._every
        return old and self._n > self._begins + 1  # the first line says that it begins

    def checkpoint(self, kind: str = "checkpoint", *, patience: float = 0.0) -> bytes | None:
        """Sign how far every stream is; the line, or None if another process is doing it. Raises OSError, ConfigError.

        A newer key in the key folder is introduced first, by the one in use, which is destroyed then.
        """
        self.turn()
        try:
            with alone(self.folder, patience):
                self._introduce()
                self._sign({"kind": kind}, self.signer.keys()[0])
        except BlockingIOError:
            return None
        self.since = 0
        return self._files.last

    def _introduce(self) -> None:
        key, *newer = self.signer.keys()
        for successor in newer:
            self._sign({"kind": "key", "successor": successor.id, "public": successor.public.hex()}, key)
            self.signer.retire(key)
            key = successor

    def _sign(self, core: dict[str, Any], key: SigningKey) -> None:
        """Put a signed line. The folder's lock is held."""
        self._own = self.signer.own()  # other streams may have begun with a key that is newer
        stored = begun.read(self.folder, self._own)
        state = stored or self._begun
        core |= {"heads": others.heads(self.folder, self.name, self._own, self._genuine), "begun": state.claim}
        if self.abroad:
            core["nodes"] = [[log, *head] for log, head in self.abroad]
        self._put_signed(core, key, state, keep=stored is not None)

    def _put_signed(self, core: dict[str, Any], key: SigningKey, state: Begun, *, keep: bool) -> None:
        """The time of the last signed line is kept: if the clock is behind it, the line says so in `back_from`."""
        now = self._clock()
        latest = max(state.at, self._latest)
        core = {"kind": core.pop("kind"), "timestamp": timestamp(now)} | core
        if now < latest - TOLERANCE:
            core["back_from"] = timestamp(latest)
            self._latest = now
        if now > state.at and keep:
            begun.write(self.folder, state._replace(at=int(now)), self._mark, sync=False)
        plain = orjson.dumps(core | {"key": key.id})
        head = chain.begin(self.name, self._n + 1) + plain[1:-1]
        line = Line(chain.signed(plain, key.sign(chain.to_sign(self._hash, head))))
        self._put([line], signed=True)

    def close(self) -> bytes | None:
        """End the stream: a checkpoint, after which nothing follows. Raises OSError, ConfigError."""
        line = self.checkpoint("close", patience=2.0)
        self.release()
        return line

    def abandon(self) -> None:
        """Let go of the stream as it is; the process that begins the next one takes it over.

        Raises OSError if a write that failed cannot be undone now: as long as that may come back, no other process
        may take the stream over, and what was in it may not be written again.
        """
        if self._files.spoiled:
            self._files.undo()
        elif not self._files.over:
            self.sync()
        self.release()

    @property
    def head(self) -> Head:
        """Its last durable line."""
        return Head(self.name, self._n, self._hash.hex())

    def _begin(self, known: others.Known, heads: Heads | None) -> None:
        """The folder's lock is held: no other stream begins, and no key changes, meanwhile."""
        key = self.signer.keys()[0]
        self._mark = key.mark
        self._own = self.signer.own()
        found = others.look(self.folder, self.name, known, self._own, heads=heads)
        before = found.begun
        number, digest = before.number + 1, chain.begun([self.name], before.digest)
        self._begun = before._replace(number=number, digest=digest)
        core: dict[str, Any] = {
            "kind": "genesis",
            "format": chain.FORMAT,
            "product": f"gatekeeper {__version__}",
            "public": key.public.hex(),
            "begun": self._begun.claim,
            "heads": found.heads,
            "adopted": found.adopted,
        }
        if found.format_1 is not None:
            core["format_1"] = found.format_1
        self._open_segment(lambda: self._put_signed(core, key, before, keep=before.number > 0))
        begun.write(self.folder, self._begun._replace(at=max(before.at, int(self._clock()))), self._mark, sync=True)
        self.adopted = [Head(one["stream"], one["n"], one["hash"]) for one in found.adopted]
        self._genuine.update(one[0] for one in found.heads)
        found.told(self.folder)
        self.closed += found.ended

    @property
    def open(self) -> bool:
        """Whether the stream has a segment open for writing."""
        return self._files.open

    def segment(self) -> Segment:
        """The segment that is written now."""
        return Segment(self.name, self._number, self.folder / f"{self.name}.{self._number:06}.jsonl")

    def _open_segment(self, begin: Callable[[], None]) -> None:
        self._number += 1
        self._files.begin(self.segment().path)
        self._day = int(self._clock() // _DAY)
        self._opened, self._begins = time.monotonic(), self._n
        self._files.name()  # before a reader is told of a line in it
        begin()

    def _next_segment(self) -> None:
        before = self.segment()
        core = {
            "kind": "segment",
            "previous": self._hash.hex(),
            "number": self._number + 1,
            "timestamp": timestamp(self._now()),
        }
        if not self._fsync:
            self._files.sync()
        self.sync()
        try:
            self._open_segment(lambda: self._put([Line(orjson.dumps(core))]))
        finally:
            self._files.end_last()
        self.closed.append(before)

    def _append(self, data: bytes, durable: tuple[int, bytes] | None) -> None:
        """Write lines; with `durable`, their last number and hash, they are on the disk afterwards."""
        if self._files.append(data, durable):
            self.late.clear()

    def release(self) -> None:
        """Close its files and give its lock back, whatever is in them: another process, a fork, may have them."""
        self._files.release()
