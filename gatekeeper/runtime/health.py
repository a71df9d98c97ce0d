"""Whether events can be taken now, and what an operator should look at: for `readyz`."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection, Mapping

from gatekeeper.audit.lines import timestamp
from gatekeeper.audit.others import ASIDE, set_aside
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.counting import counted
from gatekeeper.errors import AuditError, StorageError
from gatekeeper.model.reasons import QUEUE_FULL
from gatekeeper.policy import Policy
from gatekeeper.runtime.metrics import disk_left
from gatekeeper.storage.outbox import Count, Standing
from gatekeeper.storage.protocols import Books, Store

DISK_LOW = 64 * 2**20  # bytes; below, `readyz` says so
LINES_WAIT = 60.0  # seconds that lines stand in the store and in no log
HORIZON = 300.0  # seconds of a transaction beside the gate's own
TRY_AGAIN = 5.0  # seconds after a failed write, if no event comes to try by


class Health:
    """What a log and a store can do at this moment.

    `policy` gives the one in force, `lacking` the suppression keys that are needed and gone, `archive` what is wrong
    with the log's archive.
    """

    def __init__(
        self,
        writer: AuditWriter,
        store: Store,
        policy: Callable[[], Policy],
        lacking: Callable[[], Collection[str]] = frozenset,
        archive: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._writer = writer
        self._store = store
        self._policy = policy
        self._lacking = lacking
        self._archive = archive
        self._failing_since: float | None = None

    def problems(self) -> list[str]:
        """What stands against taking events now, one sentence each; empty if nothing does."""
        self._try_again()
        policy, place = self._policy(), self._store.books.place
        problems = []
        if self._writer.failing() or not os.access(policy.audit_folder, os.W_OK):
            problems.append("the audit log cannot be written: nothing is sent")
        failure = self._store.books.failing()
        if failure is None and place is not None and not os.access(place, os.W_OK):
            failure = "not writable"
        if failure is not None:
            problems.append(f"the outbox cannot be written ({failure}): no event is accepted")
        with contextlib.suppress(StorageError):  # which is told of already
            problems += [
                f"the suppression key {one} is not in the key folder: nothing optional is sent"
                for one in sorted(self._lacking())
            ]
        try:
            folders = (policy.audit_folder, *([] if place is None else [place.parent]))
            problems += [f"the disk of {path.name} is nearly full" for path in folders if disk_left(path) < DISK_LOW]
        except OSError as error:
            problems.append(f"the disk cannot be looked at ({error.strerror})")
        return problems

    def notes(self) -> list[str]:
        """What an operator should look at though events are taken, one sentence each."""
        notes = [
            f"the queue of {name} is full: its deliveries are blocked ({QUEUE_FULL})"
            for name in self._policy().destinations
            if not self._store.intake.room(name, 1, ours=False)
        ]
        notes += troubles(self._store.books, self._policy())
        with contextlib.suppress(StorageError):
            notes += standing(self._store.books.standing())
        failure = self._archive()
        if failure is not None:
            notes.append(f"closed segments wait, and requests of other machines to forget: {failure}")
        count = set_aside(self._policy().audit_folder)
        if count:
            notes.append(f"not written by this installation: {counted(count, 'stream')} in {ASIDE}")
        return notes

    def _try_again(self) -> None:
        """Retry with an empty write after a failure, so that a gate without events can become ready again.

        Not at once and not at every look, because an empty write may succeed where a line would not.
        """
        now = time.monotonic()
        if not self._writer.failing() and self._store.books.failing() is None:
            self._failing_since = None
            return
        if self._failing_since is None:
            self._failing_since = now
        if now - self._failing_since < TRY_AGAIN:
            return
        self._failing_since = now
        with contextlib.suppress(AuditError, StorageError, TimeoutError):
            if self._writer.failing():
                self._writer.append(()).result(5.0)
            if self._store.books.failing() is not None:
                self._store.books.try_again().result(5.0)


def standing(found: Standing | None) -> list[str]:
    """One sentence for each thing about a store on a server that an operator should look at."""
    if found is None:
        return []
    told = []
    if found.waited > LINES_WAIT:
        told.append(f"{found.unwritten} commits have waited for an audit log, the oldest for {found.waited:.0f} s")
    if found.horizon > HORIZON:
        told.append(f"a transaction of {found.horizon:.0f} s in the gate's database stops its cleaning up")
    return told


def troubles(books: Books, policy: Policy) -> list[str]:
    """One sentence for each destination whose vendor is failing. Raises nothing: without the books it has no number."""
    told = []
    counts: Mapping[str, Count] = {}
    with contextlib.suppress(StorageError):
        counts = books.count()
    for name, (since, why) in sorted(books.troubles().items()):
        if name in policy.destinations:
            waits = f"; waiting: {counted(counts[name].queued, 'delivery')}" if name in counts else ""
            told.append(f"{name} has taken nothing since {timestamp(since)} ({why}){waits}; it is probed")
    return told
