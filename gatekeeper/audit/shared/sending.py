"""This machine's closed segments go into the archive, and the engine hears which lines it need not keep any more.

Acts; one process of a machine at a time. What is in the archive already is listed once: a restart puts nothing twice.
References are put again when they have changed here, as after an erasure, and always before the head that a reader
looks for. May be interrupted anywhere and done again.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from gatekeeper.audit.segments import Segment, parse
from gatekeeper.audit.shared import parts
from gatekeeper.audit.shared.objects import Archive, Stored
from gatekeeper.audit.shared.trail import Trail
from gatekeeper.errors import AuditError

SLACK: Final = 300.0  # seconds between this machine's clock and the archive's


def name(segment: Segment) -> str:
    """What a segment is called in the archive."""
    return f"{segment.stream}.{segment.number:06}"


class Shipper:
    """What was put, as far as this process knows. `keep` is how long heads are locked, seconds."""

    def __init__(
        self, folder: Path, archive: Archive, trail: Trail, *, keep: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder, self._archive, self._trail = folder, archive, trail
        self._keep, self._clock = keep, clock
        self._done: dict[str, int] = {}  # a segment's name, and the time of its file
        self._there: tuple[dict[str, Stored], dict[str, Stored]] | None = None
        self._lacking: Mapping[str, int] = {}
        self._ends: dict[str, int] = {}  # how far each stream is in the archive
        self.behind = 0.0  # seconds that the oldest closed segment has waited

    def ship(self) -> int:
        """Put what is closed and not there as it is now; how many segments. Raises AuditError, StorageError."""
        waiting = self._waiting()
        self.behind = max([0.0, *(self._clock() - written / 1e9 for _, written in waiting)])
        if not waiting:
            if self._ends:
                self._trail.archived(self._ends)  # the engine may have heard only now that the log has a line
            return 0
        if self._there is None:
            prefix = f"{self._trail.log}/"
            self._lacking = self._trail.lacking()
            self._there = self._archive.heads.list(prefix), self._archive.references.list(prefix)
        for segment, written in waiting:
            self._put(segment, written)
            self._done[name(segment)] = written
        self._trail.archived(self._ends)
        self.behind = 0.0
        return len(waiting)

    def _waiting(self) -> list[tuple[Segment, int]]:
        found = []
        for path in sorted(self._folder.glob("*.jsonl.gz")):
            segment = parse(path)
            if segment is not None:
                try:
                    written = path.stat().st_mtime_ns
                except FileNotFoundError:
                    continue
                if self._done.get(name(segment)) != written:
                    found.append((segment, written))
        return found

    def _put(self, segment: Segment, written: int) -> None:
        heads_there, references_there = self._there or ({}, {})
        key = f"{self._trail.log}/{name(segment)}"
        try:
            data = segment.read()
        except (OSError, EOFError, zlib.error) as error:
            raise AuditError(f"{segment.path.name}: cannot be read ({type(error).__name__})") from None
        heads, references = parts.divide(data)
        there = references_there.get(key + parts.REFERENCES)
        if there is None or there.changed < written / 1e9 + SLACK:
            self._archive.references.put(key + parts.REFERENCES, references)
        end, listed = parts.last(data), heads_there.get(key + parts.HEADS)
        # One that was there before this process is its own machine's, unless the engine still keeps lines of it.
        known = listed is not None and end < self._lacking.get(segment.stream, end + 1)
        if not known and not (
            listed is None and self._archive.heads.put_once(key + parts.HEADS, heads, self._clock() + self._keep)
        ):
            first = listed or self._archive.heads.list(key + parts.HEADS)[key + parts.HEADS]
            if not parts.same(self._archive.heads.get(key + parts.HEADS, first.version), heads):
                raise AuditError(f"the archive holds another {name(segment)} than this machine wrote")
        self._ends[segment.stream] = max(end, self._ends.get(segment.stream, 0))
