"""The newest lines of the log, and then what is written behind them. Files in, counts over a short time out.

However long the log is, `TAIL` bytes of it are read at first, of the files that were written last; after that only what
is new. Nothing of a visitor is kept: names of events, destinations, statuses and reasons.
"""

from __future__ import annotations

import contextlib
import zlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatekeeper.audit import read
from gatekeeper.audit.segments import Segment
from gatekeeper.errors import AuditError

TAIL: Final = 4 * 2**20  # bytes of the log that are read at first
PACKED: Final = 2**20  # bytes; a closed segment that is larger is not opened for it
MOST: Final = 50_000  # deliveries and outcomes that are kept


class Seen(NamedTuple):
    """A delivery that was decided, or (`outcome`) how deliveries ended; `many` events are alike."""

    at: float  # Unix seconds
    event: str
    destination: str
    status: str
    reason: str | None
    many: int
    outcome: bool = False


@dataclass(slots=True)
class Recent:
    """What was written to one log within the last `window` seconds, as far as it was read."""

    folder: Path
    window: float
    seen: deque[Seen] = field(default_factory=lambda: deque(maxlen=MOST))
    events: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=MOST))  # when, and how many
    _places: dict[Path, int] = field(default_factory=dict)  # of a segment that was open, how far it was read
    _ended: set[Path] = field(default_factory=set)  # segments of which nothing more is read
    _begun: bool = False

    def look(self, now: float) -> None:
        """Read what is new, and forget what is older than the window. Raises AuditError."""
        try:
            found = [self._record(raw) for raw in self._lines(now)]
        except (OSError, EOFError, zlib.error) as error:
            raise AuditError(f"the audit log cannot be read ({type(error).__name__})") from None
        self._begun = True
        for record in found:
            with contextlib.suppress(KeyError, TypeError, ValueError):  # a line that we did not write
                self._see(record)
        while self.seen and self.seen[0].at < now - self.window:
            self.seen.popleft()
        while self.events and self.events[0][0] < now - self.window:
            self.events.popleft()

    def rate(self, now: float, seconds: float) -> float:
        """Events a minute within the last seconds."""
        return sum(count for at, count in self.events if at >= now - seconds) * 60 / seconds

    def since(self) -> float | None:
        """When the oldest event that is counted was decided."""
        return self.events[0][0] if self.events else None

    def flows(self) -> Counter[tuple[str, str, str]]:
        """How many deliveries there were: event, destination, and `sent` or `blocked`."""
        found: Counter[tuple[str, str, str]] = Counter()
        for one in self.seen:
            if not one.outcome:
                found[one.event, one.destination, "blocked" if one.status == "blocked" else "sent"] += one.many
        return found

    def reasons(self) -> Counter[tuple[str, str]]:
        """How many deliveries were blocked: destination and reason."""
        return self._by(False, "blocked")

    def failures(self) -> Counter[tuple[str, str]]:
        """How many deliveries failed: destination and the short code."""
        return self._by(True, "failed")

    def _by(self, outcome: bool, status: str) -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for one in self.seen:
            if one.outcome is outcome and one.status == status:
                found[one.destination, one.reason or "unknown"] += one.many
        return found

    def _lines(self, now: float) -> Iterator[dict[str, Any]]:
        """Records that were not read yet, oldest file first."""
        written = []
        found = read.files(self.folder)
        if not self._begun:  # of what was closed before, the end is read now and nothing later
            self._ended = {segment.plain for segment in found if segment.path == segment.packed}
        for segment in found:
            try:
                stat = segment.path.stat()
            except FileNotFoundError:
                continue  # compressed meanwhile: the next look reads on in its other form
            if stat.st_mtime >= now - self.window:
                written.append((stat.st_mtime, stat.st_size, segment))
        left, chosen = TAIL, []
        for _, size, segment in sorted(written, key=lambda one: one[:2], reverse=True):
            if segment.path == segment.plain:
                begin = self._places.get(segment.plain)
                if begin is None:
                    begin = 0 if self._begun else max(0, size - left)
                    left = max(0, left - (size - begin))
                chosen.append((segment, begin))
            elif self._begun and segment.plain not in self._ended:
                chosen.append((segment, self._places.get(segment.plain, 0)))
            elif not self._begun and 0 < size <= min(PACKED, left):
                left = max(0, left - size)
                chosen.append((segment, -1))
        for segment, begin in reversed(chosen):
            yield from read.parse(self._rest(segment, begin))

    def _rest(self, segment: Segment, begin: int) -> Iterable[bytes]:
        """The whole lines of a segment from a place on; of a compressed one without a place its last lines."""
        if begin < 0:
            return segment.read()[-TAIL:].splitlines(keepends=True)[-MOST:]
        with segment.open() as file:
            if begin and begin != self._places.get(segment.plain):
                file.seek(begin - 1)
                file.readline()  # the end of a line of which the beginning is not read
            else:
                file.seek(begin)
            begin = file.tell()
            data = file.read(2 * TAIL)
        if segment.path == segment.packed and len(data) < 2 * TAIL:
            self._ended.add(segment.plain)
        whole = data.rfind(b"\n") + 1
        self._places[segment.plain] = begin + whole
        return data[:whole].splitlines(keepends=True)

    @staticmethod
    def _record(record: dict[str, Any]) -> dict[str, Any]:
        return record if record.get("kind") in ("decision", "outcome") else {}

    def _see(self, record: dict[str, Any]) -> None:
        if not record:
            return
        at = datetime.fromisoformat(record["timestamp"]).timestamp()
        if record["kind"] == "outcome":
            count = len(record["request_ids"])
            self.seen.append(Seen(at, "", record["destination"], record["status"], record["reason"], count, True))
            return
        count = record.get("count", 1)
        self.events.append((at, count))
        for one in record["deliveries"]:
            self.seen.append(
                Seen(at, record["event_type"], one["destination"], one["status"], one.get("reason"), count)
            )
