"""What becomes of a transaction's callers and lines, for every engine with a log.

Callers of a transaction that failed get one each: one caller's trouble is not another's. Callers whose lines must be
durable are answered once the log has taken them; what it has not taken is offered again, unless a
caller was refused for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Final, Generic, Protocol, TypeVar

from gatekeeper.audit.lines import Line
from gatekeeper.audit.segments import Head
from gatekeeper.errors import AuditError, StorageError
from gatekeeper.storage.commits import Commits, Event, NotYet, Phase, Work
from gatekeeper.storage.inbox import POKE, Inbox
from gatekeeper.storage.protocols import Recording

HOLD: Final = 0.01  # seconds that outcomes wait for decisions to go to the log with
OFFER: Final = 0.5  # seconds after which the log is offered outcomes again that it has not taken
PATIENCE: Final = 5.0  # seconds for what waits for another worker's line
_log = logging.getLogger("gatekeeper")


class Told(Protocol):
    """A commit of any engine, as far as the log goes."""

    phase: Phase
    decisions: list[Line]
    due: float
    place: Head | None  # where the log's stream ends behind its lines

    @property
    def lines(self) -> list[Line]:
        """All that the log is to have of it."""


T = TypeVar("T", bound=Told)


def divide(error: Exception, work: list[Work], commit: Callable[[list[Work]], list[Work]]) -> list[Work]:
    """Commit each caller's work alone after a transaction that failed; what has to wait longer is returned."""
    if len(work) != 1:
        return [late for one in work for late in commit([one])]
    (one,) = work
    if not isinstance(error, NotYet):
        _log.error("a commit failed (%s)", type(error).__name__)
        one.done.set_exception(StorageError("the outbox could not be written"))
    elif time.monotonic() - one.since < PATIENCE:
        return work
    else:
        one.done.set_exception(StorageError("another worker's line is not durable yet"))
    return []


class Handover(Generic[T]):
    """Commits on their way into the log. `commits` are moved as the log answers; the thread that writes is woken.

    The lines of a commit that `may_wait`, and for which no caller does, go to the log with the next one's decisions.
    The database keeps them meanwhile; each hand-over is a sync, and a wake-up of the log's thread.
    """

    def __init__(
        self,
        commits: Commits[T],
        recorder: Recording,
        inbox: Inbox,
        *,
        may_wait: Callable[[T], bool] = lambda commit: False,
    ) -> None:
        self._commits = commits
        self._recorder = recorder
        self._inbox = inbox
        self._may_wait = may_wait
        self.held: list[T] = []
        self._since = 0.0  # monotonic seconds

    def hand(self, commit: T, work: Sequence[Work], results: Sequence[Any]) -> None:
        """Give a durable commit's lines to the log, and its callers their results: some only when the log has them."""
        lines = commit.lines
        waiting = [(one, result) for one, result in zip(work, results, strict=True) if lines and one.recorded]
        if lines:
            if not self.held:
                self._since = time.monotonic()
            self.held.append(commit)
        pressing = waiting or (lines and not self._may_wait(commit)) or any(one.pressing for one in work)
        if self.held and pressing:
            self._go(waiting)
        for one, result in zip(work, results, strict=True):
            if not (one.recorded and lines):
                one.done.set_result(result)

    def offer(self) -> None:
        """Offer outcome lines to the log that were held, and again those that it did not take before."""
        if self.held and (self._inbox.stopping or time.monotonic() - self._since >= HOLD):
            self._go([])
        for commit in self._commits.at(Phase.OWED):
            if commit.due <= time.monotonic():
                self._commits.move(commit, Event.OFFERED)
                self._recorder.append(commit.lines).add_done_callback(
                    lambda future, commit=commit: self._recorded(commit, [], future)  # type: ignore[misc]  # bound here
                )

    def _go(self, waiting: list[tuple[Work, Any]]) -> None:
        """Give what is held to the log; `waiting` are callers of the last commit of it."""
        going, self.held = self.held, []

        def recorded(future: Future[Head | None]) -> None:
            for one in going:
                self._recorded(one, waiting if one is going[-1] else [], future)

        self._recorder.append([line for one in going for line in one.lines]).add_done_callback(recorded)

    def _recorded(self, commit: T, waiting: list[tuple[Work, Any]], future: Future[Head | None]) -> None:
        """The log took a commit's lines, or could not. Runs in the log's thread."""
        taken, decisions = future.exception() is None, bool(commit.decisions)
        if taken:
            commit.place = future.result()
            self._commits.move(commit, Event.TAKEN)
        elif decisions:
            self._commits.move(commit, Event.DECISIONS_REFUSED)
        else:
            commit.due = time.monotonic() + OFFER
            self._commits.move(commit, Event.OUTCOMES_REFUSED)
        self._inbox.put(POKE)
        for one, result in waiting:
            if taken or not decisions:
                one.done.set_result(result)
            else:
                one.done.set_exception(AuditError("the audit log cannot be written"))
