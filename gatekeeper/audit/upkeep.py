"""What the log's writer does for its stream besides writing lines.

A segment is closed when its day is over or a caller asks for it, a checkpoint is signed, the stream's end is given to
those who keep ends, checkpoints are put outside, and closed segments are compressed. What takes long is left to chores.
Not safe for several threads: the thread that writes is the one that calls.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from gatekeeper.audit import chores, turning
from gatekeeper.audit.chores import Chores
from gatekeeper.audit.heads import Heads
from gatekeeper.audit.outside import Outside
from gatekeeper.audit.segments import Head
from gatekeeper.audit.stream import Stream

CHECKPOINT: Final = 60.0  # seconds
_CHORES: Final = 10.0  # seconds for the chores that wait at the end
_SIGNING: Final = 10.0  # seconds for other processes that sign
_BUSY: Final = 0.1  # seconds after which a checkpoint is tried again that another process was signing


class Upkeep:
    """Looks after one stream after another. `interval` is the seconds between two checkpoints, if lines were written.

    With `archived` the last segment is compressed, too, when the stream ends: no next start may come here.
    """

    def __init__(
        self, folder: Path, outside: Outside, heads: Heads | None, *, checkpoint: float, archived: bool
    ) -> None:
        self.interval = checkpoint
        self._folder = folder
        self._outside = outside
        self._heads = heads
        self._archived = archived
        self._chores = Chores()
        self._due = 0.0  # when the next checkpoint is, monotonic seconds
        self._looked = 0.0  # at a request to turn
        self._asked = (0, 0)
        self._told_heads = 0.0  # when ends were given to be kept
        self._abroad: list[tuple[str, Head]] = []  # ends of other machines' logs

    def forked(self) -> None:
        """In a child: the chores are its parent's."""
        self._chores.forked()

    def asked(self) -> tuple[int, int]:
        """The last request to turn. Asked before a stream begins, which turns by its beginning."""
        return turning.asked(self._folder)

    def begun(self, stream: Stream, asked: tuple[int, int]) -> None:
        """A stream begins, and does what was `asked` until then."""
        self._asked = asked
        self._looked = time.monotonic()
        self._due = self._looked + self.interval
        self._keep(stream)

    def left(self, stream: Stream) -> float:
        """Seconds until its next checkpoint; without a line since the last one there is none."""
        return max(0.0, self._due - time.monotonic()) if stream.since else float("inf")

    def due(self, stream: Stream) -> bool:
        """Whether it has to be looked at although lines keep coming."""
        now = time.monotonic()
        return bool(stream.since and now >= self._due) or now - self._looked >= turning.LOOK

    def look(self, stream: Stream) -> None:
        """Make durable what was put, and do what is due. Raises OSError, ConfigError."""
        stream.sync()
        if self.due(stream):
            self._look_around(stream)

    def sign(self, stream: Stream) -> None:
        """Sign a checkpoint now. Raises OSError, ConfigError; BlockingIOError if another process signs for long."""
        stream.abroad = self._abroad
        line = stream.checkpoint(patience=_SIGNING)
        if line is None:
            raise BlockingIOError(0, "another process signs the log")
        self._due = time.monotonic() + self.interval
        self._publish(stream, line)

    def compress(self, stream: Stream) -> None:
        """Have its closed segments compressed."""
        while stream.closed:
            self._chores.add(partial(chores.compress, stream.closed.pop(0)))

    def close(self, stream: Stream) -> None:
        """End it with a signed line. Raises OSError, ConfigError."""
        stream.abroad = self._abroad
        self._publish(stream, stream.close())
        if self._archived:  # the archive is to have the end, too
            stream.closed.append(stream.segment())
        self.compress(stream)

    def end(self) -> None:
        """Finish the chores that wait."""
        self._chores.close(_CHORES)

    def _look_around(self, stream: Stream) -> None:
        self._looked = time.monotonic()
        asked = turning.asked(self._folder)
        stream.turn(now=asked != self._asked)
        self._asked = asked
        every = None if self._heads is None else self._heads.every
        if every is not None and time.monotonic() - self._told_heads >= every:
            stream.sync()  # others are to sign what is on the disk
            self._keep(stream)
        if stream.since and time.monotonic() >= self._due:
            stream.abroad = self._abroad
            line = stream.checkpoint()
            self._due = time.monotonic() + (self.interval if line is not None else min(self.interval, _BUSY))
            self._publish(stream, line)
        self.compress(stream)

    def _publish(self, stream: Stream, line: bytes | None) -> None:
        if line is None:
            return
        self._keep(stream)
        for task in self._outside.tasks(line):
            self._chores.add(task)

    def _keep(self, stream: Stream) -> None:
        if self._heads is not None:
            self._told_heads = time.monotonic()
            self._chores.add(partial(self._exchange, self._heads, [*stream.adopted, stream.head]))
            stream.adopted = []

    def _exchange(self, heads: Heads, own: Sequence[Head]) -> None:
        """Have our ends kept, and learn how far the other machines' logs are, which the next checkpoint signs."""
        heads.keep(own)
        if heads.every is not None:
            self._abroad = heads.others()
