"""What is too old goes: personal references after `[retention] personal_references`, once a day, in the gate itself.

One process of all that share a log does it. When it was done last, and what could not be removed, stands in a file
beside the log, so that neither a restart nor another worker forgets it.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from gatekeeper.audit import redact, segments
from gatekeeper.audit.lines import timestamp
from gatekeeper.audit.segments import Segment
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.counting import counted
from gatekeeper.errors import AuditError
from gatekeeper.installation.locks import Lock
from gatekeeper.installation.looking import Looking

FILE: Final = "retention.json"
LOCK: Final = "retention.lock"
EVERY: Final = 86_400.0  # seconds from one run to the next
LOOK: Final = 60.0  # seconds between two looks whether it is time
AGAIN: Final = 3_600.0  # seconds after a run that failed, or that had to leave lines
_log = logging.getLogger("gatekeeper")


class State(NamedTuple):
    """What is known of the last run."""

    done: float = 0.0  # when a run removed all there was, Unix seconds
    tried: float = 0.0
    overdue: int = 0  # lines that it could not remove
    oldest: Mapping[str, str] = MappingProxyType({})  # closed segment, with size and time -> its oldest references
    others: Mapping[str, int] = MappingProxyType({})  # what else is kept -> how much of it is overdue

    @property
    def late(self) -> int:
        """Everything that should be gone and is not."""
        return self.overdue + sum(self.others.values())


def read(folder: Path) -> State:
    """The state; none of a log that no run has looked at, or whose file is damaged."""
    try:
        found = json.loads((folder / FILE).read_bytes())
        others = {str(name): int(count) for name, count in found.get("others", {}).items()}
        return State(float(found["done"]), float(found["tried"]), int(found["overdue"]), dict(found["oldest"]), others)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return State()


def due(state: State, now: float) -> bool:
    """Whether it is time for a run. A clock that went back makes it so."""
    late = not 0 <= now - state.done < EVERY
    return late and not 0 <= now - state.tried < AGAIN


class Result(NamedTuple):
    """What a run did."""

    before: str  # the limit, RFC 3339
    lines: int
    waiting: int


def run(
    folder: Path,
    age: float,
    writer: AuditWriter | None,
    *,
    now: float,
    stopped: Callable[[], bool] = lambda: False,
) -> Result:
    """Remove references older than `age` seconds; without a writer only say what would be. Raises AuditError.

    A run that is `stopped` looks at no further segment, and is not done.
    """
    before = now - age
    wanted, limit = redact.older_than(before), timestamp(before)
    state = read(folder)
    young = _skip(state.oldest, limit)

    def skip(segment: Segment) -> bool:
        return stopped() or young(segment)

    if writer is None:
        found = redact.find(folder, wanted, skip=skip)
        return Result(limit, found.lines + found.waiting, 0)
    try:
        found = redact.remove(folder, wanted, writer, reason="retention", at=now, skip=skip, before=limit)
        for path in redact.torn(folder, before):
            path.unlink(missing_ok=True)
    except (AuditError, OSError) as error:
        left = redact.find(folder, wanted, skip=skip)
        keep(folder, state._replace(tried=now, overdue=left.lines + left.waiting))
        raise AuditError(f"references that are too old cannot be removed ({error})") from None
    if stopped():
        return Result(limit, found.lines, found.waiting)
    done = state.done if found.waiting else now
    keep(folder, State(done, now, found.waiting, _oldest(folder, state.oldest), state.others))
    return Result(limit, found.lines, found.waiting)


def _skip(oldest: Mapping[str, str], limit: str) -> Callable[[Segment], bool]:
    """Segments whose oldest references are not old enough, as an earlier run has seen."""
    return lambda segment: oldest.get(segment.mark, "") >= limit


def _oldest(folder: Path, known: Mapping[str, str]) -> dict[str, str]:
    """The time of the oldest references in each closed segment; it is read once for it."""
    found = {}
    for segment in (one for parts in segments.streams(folder).values() for one in parts):
        mark = segment.mark
        if segment.path == segment.packed and mark:
            found[mark] = known.get(mark) or redact.oldest(segment)
    return found


def keep(folder: Path, state: State) -> None:
    """Write down what retention did. Raises OSError."""
    data: dict[str, Any] = state._asdict() | {"oldest": dict(state.oldest), "others": dict(state.others)}
    try:
        segments.write_whole(folder / FILE, json.dumps(data).encode())
    except OSError as error:
        raise AuditError(f"{folder}: the audit log cannot be written ({error.strerror})") from None


class Daily:
    """A thread that does what is to be done now and then: retention once a day, and what else it is given."""

    def __init__(
        self,
        folder: Path,
        age: Callable[[], float],
        writer: AuditWriter,
        *,
        every: float,
        also: Callable[[], None],
        rest: Callable[[float], Mapping[str, int]] = lambda now: {},
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rest = rest  # removes what else is too old; by its name, how much of it is overdue
        self._folder, self._age, self._writer = folder, age, writer
        self._also, self._clock = also, clock
        self._looked = 0.0
        self._looking = Looking("gatekeeper-daily", self._now_and_then, every)

    def start(self) -> None:
        """Begin, if it has not begun."""
        if not self._looking.running:
            self._looked = time.monotonic()  # not at once: a short script has other things to do
            self._looking.start()

    def close(self) -> None:
        """End, after what is being done."""
        self._looking.close()

    def _now_and_then(self) -> None:
        try:
            self._also()
        finally:
            if time.monotonic() - self._looked >= LOOK:
                self._looked = time.monotonic()
                self.look()

    def look(self) -> None:
        """Run retention if it is time, and no other process is at it."""
        now = self._clock()
        if not due(read(self._folder), now):
            return
        lock = Lock(self._folder / LOCK)
        try:
            if lock.take() and due(read(self._folder), now):
                done = run(self._folder, self._age(), self._writer, now=now, stopped=self._looking.stopped)
                others = self._rest(now)
                keep(self._folder, read(self._folder)._replace(others=others))
                if done.lines:
                    _log.info(
                        "references removed from %s of the audit log, as retention requires",
                        counted(done.lines, "line"),
                    )
        except (AuditError, OSError) as error:
            _log.error("retention: %s", error)
        finally:
            lock.release()
