"""The embedded outbox: one SQLite file for all workers of a node. Put together of its callers' parts.

`accepting` for the gate, `claiming` for the deliverer, `cancelling` for withdrawals, `sweeping` (with `queued`) for
refusals, `letters` for the operator;
`commits` writes, `rows` and `tables` are what they share.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import apsw

from gatekeeper import ids as request_ids
from gatekeeper.storage.accepting import Accepting
from gatekeeper.storage.claiming import Claiming
from gatekeeper.storage.commits import Committer, Recording
from gatekeeper.storage.database import run
from gatekeeper.storage.letters import Letters
from gatekeeper.storage.outbox import (
    Count,
)
from gatekeeper.storage.queued import Queued
from gatekeeper.storage.rows import SHIFT
from gatekeeper.storage.sweeping import Sweeping


class SqliteOutbox(Accepting, Claiming, Sweeping, Letters):
    """See `gatekeeper.storage.outbox.Outbox`. Threads and files are opened with the first use, after any fork."""

    def __init__(
        self,
        path: Path,
        destinations: Iterable[str],
        recorder: Recording,
        *,
        clock: Callable[[], float] = time.time,
        max_queued: int = 1_000_000,
    ) -> None:
        super().__init__(path, destinations, clock, max_queued)
        self.woken: Callable[[], None] = lambda: None
        self._sweeping, self._known = threading.Lock(), Queued()
        self._commits = Committer(
            path,
            recorder,
            finish=self._finish,
            released=self._release,
            refused=self._take_back,
            notify=lambda: self.woken(),
            clock=clock,
        )

    def use(self, destinations: Iterable[str], max_queued: int) -> None:
        """Another policy's destinations, from now on."""
        self._names, self.max_queued = tuple(destinations), max_queued

    def failing(self) -> str | None:
        """What is wrong with the store; `None` if the last commit went well."""
        return self._commits.failure

    def close(self) -> None:
        """Commit what waits and close the files; the next use opens them again."""
        with self._reading:
            if self._reader is not None:
                with contextlib.suppress(apsw.Error):
                    self._reader[1].close()
            self._reader = None
        self._commits.close()  # the last to close: only a connection that writes takes the write-ahead log with it

    def count(self) -> dict[str, Count]:
        """Every destination's books, read in one transaction."""

        def look(db: apsw.Connection) -> dict[str, Count]:
            found = {}
            for no, name, *numbers in run(
                db, "SELECT no, name, accepted, queued, delivered, dead, expired, cancelled, retried FROM destination"
            ):
                oldest = None
                if numbers[1]:
                    for (request_id,) in run(
                        db,
                        "SELECT frame ->> 0 FROM outbox WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1",
                        (no << SHIFT, ((no + 1) << SHIFT) - 1),
                    ):
                        oldest = request_ids.milliseconds(request_id) / 1000
                accepted, queued, delivered, dead, expired, cancelled, retried = numbers
                found[name] = Count(accepted, queued, delivered, dead, expired, cancelled, retried, oldest)
            return found

        return self._read(look)

    def idle(self) -> bool:
        """Whether every row has ended and every line is written."""
        return self._read(
            lambda db: (
                not run(
                    db, "SELECT 1 FROM outbox UNION ALL SELECT 1 FROM unwritten UNION ALL SELECT 1 FROM flight LIMIT 1"
                )
            )
        )

    def changed(self) -> int:
        """A number that changes when anybody commits; costs next to nothing."""
        return self._read(lambda db: int(run(db, "PRAGMA data_version")[0][0]))
