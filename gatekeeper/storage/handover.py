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
    """Commits on their way into the log. `commits` are moved as the log answers; the thread that writes is woken."""

    def __init__(self, commits: Commits[T], recorder: Recording, inbox: Inbox) -> None:
        self._commits = commits
        self._recorder = recorder
        self._inbox = inbox

    def hand(self, commit: T, work: Sequence[Work], results: Sequence[Any]) -> None:
        """Give a durable commit's lines to the log, and its callers their results: some only when the log has them."""
        lines = commit.lines
        if lines:
            waiting = [(one, result) for one, result in zip(work, results, strict=True) if one.recorded]
            self._recorder.append(lines).add_done_callback(lambda future: self._recorded(commit, waiting, future))
        for one, result in zip(work, results, strict=True):
            if not (one.recorded and lines):
                one.done.set_result(result)

    def offer(self) -> None:
        """Offer outcome lines to the log again that it did not take before."""
        for commit in self._commits.at(Phase.OWED):
            if commit.due <= time.monotonic():
                self._commits.move(commit, Event.OFFERED)
                self._recorder.append(commit.lines).add_done_callback(
                    lambda future, commit=commit: self._recorded(commit, [], future)  # type: ignore[misc]  # bound here
                )

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
