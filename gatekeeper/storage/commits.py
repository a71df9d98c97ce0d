"""Group commit: one thread writes all there is to write, one transaction at a time, then has its lines recorded.

What arrived during the last commit makes the next one; no delay is added. A commit with audit lines keeps them in
the database (`unwritten`) until the log has them, so that a crash in between loses neither: rows become claimable,
and callers hear of it, only once their decision line is durable. `FOLLOWS` is the life of a commit; the thread that
reads it is in `writing.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Generic, Protocol, TypeVar

import apsw

from gatekeeper.audit.lines import Line
from gatekeeper.audit.segments import Head
from gatekeeper.installation import forks
from gatekeeper.installation.forks import work
from gatekeeper.model.states import Follows
from gatekeeper.storage.outbox import Arrival, Ending, Flight
from gatekeeper.storage.owners import Owner

R = TypeVar("R")


class Phased(Protocol):
    """A commit of any engine, as far as its life goes."""

    phase: Phase


C = TypeVar("C", bound=Phased)
K = TypeVar("K")  # what work is given: the `Commit` of an engine


class Phase(StrEnum):
    """Where a commit is."""

    OPEN = "open: its transaction is under way"
    KEPT = "kept: durable in the database, its lines are with the log"
    WRITTEN = "written: the log has its lines"
    REFUSED = "refused: the log has not taken its decisions"
    OWED = "owed: the log has not taken its outcomes"
    OVER = "over"


class Event(StrEnum):
    """What happens to a commit."""

    ROLLED_BACK = "rolled back"
    COMMITTED_BARE = "committed without lines"
    COMMITTED = "committed with lines"
    TAKEN = "the log takes them"
    DECISIONS_REFUSED = "the log refuses, decisions among them"
    OUTCOMES_REFUSED = "the log refuses, outcomes only"
    RELEASED = "the next transaction releases its rows"
    TAKEN_BACK = "the next transaction takes all of it back"
    ARRIVALS_TAKEN_BACK = "the next transaction takes its arrivals back, outcomes stay"
    OFFERED = "offered to the log again"


FOLLOWS: Final[Follows[Phase, Event]] = {
    (Phase.OPEN, Event.ROLLED_BACK): Phase.OVER,
    (Phase.OPEN, Event.COMMITTED_BARE): Phase.OVER,
    (Phase.OPEN, Event.COMMITTED): Phase.KEPT,
    (Phase.KEPT, Event.TAKEN): Phase.WRITTEN,
    (Phase.KEPT, Event.DECISIONS_REFUSED): Phase.REFUSED,
    (Phase.KEPT, Event.OUTCOMES_REFUSED): Phase.OWED,
    (Phase.WRITTEN, Event.RELEASED): Phase.OVER,
    (Phase.REFUSED, Event.TAKEN_BACK): Phase.OVER,
    (Phase.REFUSED, Event.ARRIVALS_TAKEN_BACK): Phase.OWED,
    (Phase.OWED, Event.OFFERED): Phase.KEPT,
}
# Commits that a process which ends waits for; what is owed stays in the database, and another process adopts it.
UNSETTLED: Final = (Phase.KEPT, Phase.WRITTEN, Phase.REFUSED)


class NotYet(Exception):  # noqa: N818  # not a failure: the same work is tried again
    """Something of another worker is not durable yet."""


@dataclass(slots=True, eq=False)
class Commit:
    """One transaction: what its parts add up to."""

    db: apsw.Connection
    owner: Owner
    decisions: list[Line] = field(default_factory=list)
    outcomes: list[Line] = field(default_factory=list)
    arrivals: list[tuple[Sequence[Arrival], list[str]]] = field(default_factory=list)
    ranges: list[tuple[int, int]] = field(default_factory=list)  # of new rows: first and last id
    adopted: list[tuple[int, int]] = field(default_factory=list)  # rows of an ended process, accepted by it
    keys: list[tuple[int, str | None]] = field(default_factory=list)  # seen keys, and what stood there before
    landing: list[tuple[Flight, Ending]] = field(default_factory=list)  # flights that were delivered whole
    landed: set[Hashable] = field(default_factory=set)  # those of them that were under way
    delivered: int = 0  # outcomes that say so
    after: list[Callable[[apsw.Connection], object]] = field(default_factory=list)  # done once all have their answers
    committed: list[Callable[[], object]] = field(default_factory=list)  # done at once when it is durable; cannot fail
    undo: list[Callable[[], object]] = field(default_factory=list)  # done if it is rolled back: memory follows
    generation: int | None = None  # of its choices and withdrawals, see `generations.py`
    publishes: bool = False
    record: int = 0  # in `unwritten`
    phase: Phase = Phase.OPEN
    due: float = 0.0  # of one that is owed: when it is offered again, monotonic seconds
    place: Head | None = None  # where the log's stream ends behind its lines

    @property
    def lines(self) -> list[Line]:
        """All that the log is to have of it."""
        return [*self.decisions, *self.outcomes]

    @property
    def usual(self) -> bool:
        """Whether its lines say nothing but that requests were delivered."""
        return not self.decisions and len(self.outcomes) == self.delivered

    def forget_arrivals(self) -> None:
        """The arrivals were taken back: outcomes and adopted rows are what is left."""
        for part in (self.decisions, self.arrivals, self.ranges, self.keys):
            part.clear()


class Posting(Protocol):
    """What a commit means to the tables. Called by the thread that writes, inside a transaction."""

    def finish(self, commit: Commit) -> None:
        """Complete a commit before it is one: all arrivals of all callers at once."""

    def release(self, commit: Commit, ranges: Sequence[tuple[int, int]]) -> None:
        """Lines are durable: their rows are accepted now, and may be claimed."""

    def take_back(self, commit: Commit, refused: Commit) -> None:
        """The log did not take the lines: nothing of these arrivals was accepted."""


class Commits(Generic[C]):
    """Commits by phase. `move` is their only way, and goes by the table; the log's thread calls it, too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at: dict[Phase, dict[C, None]] = {phase: {} for phase in Phase}

    def move(self, commit: C, event: Event) -> None:
        """Let an event happen to a commit."""
        with self._lock:
            self._at[commit.phase].pop(commit, None)
            commit.phase = FOLLOWS[commit.phase, event]
            if commit.phase is not Phase.OVER:
                self._at[commit.phase][commit] = None

    def at(self, phase: Phase) -> list[C]:
        """The commits in one phase, the oldest first."""
        if not self._at[phase]:
            return []
        with self._lock:
            return list(self._at[phase])

    def settled(self) -> bool:
        """Whether the log has answered for all, and transactions have followed."""
        return not any(self._at[phase] for phase in UNSETTLED)


class Then:
    """The result of work that is known when its whole commit is put together."""

    def __init__(self, find: Callable[[], Any]) -> None:
        self._find = find

    def __call__(self) -> Any:
        """Find it."""
        return self._find()


@dataclass(slots=True)
class Work:
    """Something to be done in a transaction, with its `Commit`."""

    do: Callable[[Any], Any]
    done: Future[Any]
    since: float
    recorded: bool = False  # done only when the lines are durable
    last: bool = False  # done when the arrivals of the same commit are in
    pressing: bool = False  # a caller waits for it: it does not wait for others to share a commit with
    idle: bool = False  # nothing waits for it: it rides with the next commit, or goes after a moment


class Listeners:
    """Who is to hear that rows may have become claimable."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[], None]] = []

    def add(self, callback: Callable[[], None]) -> None:
        """Add a listener, which is called after commits."""
        self._callbacks.append(callback)

    def call(self) -> None:
        """Call every listener, after a commit."""
        for callback in self._callbacks:
            callback()


class Thread(Protocol):
    """The thread that writes, from its first work to `stop`; see `writing.py`."""

    failure: str | None

    def put(self, work: Work) -> None:
        """Have something done in the next transaction."""

    def stop(self, timeout: float) -> None:
        """Commit what waits, have its lines written, end."""


class Committer(Generic[K]):
    """The only writer of a database in this process. `begin` starts its thread; a forked child starts its own."""

    def __init__(self, begin: Callable[[], Thread], now: Callable[[], float]) -> None:
        self._begin = begin
        self._now = now
        self._lock = threading.Lock()
        self._thread: Thread | None = None
        forks.register(self)

    @property
    def failure(self) -> str | None:
        """What is wrong with the database; `None` if the last commit went well."""
        thread = self._thread
        return None if thread is None else thread.failure

    def submit(
        self,
        do: Callable[[K], R],
        *,
        recorded: bool = False,
        last: bool = False,
        pressing: bool = False,
        idle: bool = False,
    ) -> Future[R]:
        """Have something done in the next commit; with `recorded`, its future waits for the commit's lines.

        What is done `last` sees the arrivals that are committed with it: those were handed over before, too.
        """
        done: Future[R] = Future()
        done.set_running_or_notify_cancel()  # a caller that stops waiting for it cannot cancel it
        with work, self._lock:
            if self._thread is None:
                self._thread = self._begin()
            self._thread.put(Work(do, done, self._now(), recorded, last, pressing, idle))
        return done

    def close(self, timeout: float = 15.0) -> None:
        """Commit what waits, have its lines written, stop. May be called again; work starts it again."""
        with work, self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop(timeout)

    def forked(self) -> None:
        """In a child: a parent's connection and queue are its own."""
        self._lock, self._thread = threading.Lock(), None
