"""The embedded store: one SQLite file for all workers of a node, put together of a part per caller.

`intake` and `sweeping` for the gate, `ledger` for choices, `claims` and `upkeep` for the deliverer, `dead_letters` for
the operator, and here what is only read. They share `tables` and the `commits` of one thread that writes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import apsw

from gatekeeper.installation import ids as request_ids
from gatekeeper.storage import database
from gatekeeper.storage.claims import SqliteQueue
from gatekeeper.storage.commits import Commit, Committer, Listeners
from gatekeeper.storage.database import run
from gatekeeper.storage.dead_letters import SqliteDeadLetters
from gatekeeper.storage.erasures import SqliteErasures
from gatekeeper.storage.intake import SqliteIntake, SqlitePosting
from gatekeeper.storage.ledger import SqliteBarrier, SqliteLedger
from gatekeeper.storage.outbox import Count, Trouble
from gatekeeper.storage.page import Page
from gatekeeper.storage.persons import SqlitePersons
from gatekeeper.storage.protocols import Bounds, Missing, Needs, Recording
from gatekeeper.storage.rows import SHIFT
from gatekeeper.storage.stopping import Stopping
from gatekeeper.storage.suppressions import SqliteSuppressions
from gatekeeper.storage.sweeping import SqliteRefusals
from gatekeeper.storage.tables import Tables
from gatekeeper.storage.troubles import Troubles
from gatekeeper.storage.upkeep import Upkeep
from gatekeeper.storage.writing import Writing


class SqliteStore:
    """See `protocols.Store`. Threads and files are opened with the first use, after any fork."""

    def __init__(
        self,
        path: Path,
        bounds: Bounds,
        recorder: Recording,
        *,
        missing: Missing = lambda lines, since: list(lines),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.tables = Tables(path, bounds, clock)
        self._page = page = Page(path, lambda: self.tables.read(_generation))
        stopping = Stopping(self.tables, page)
        claimable = Listeners()
        posting = SqlitePosting(
            self.tables, stopping, lambda commit: self.queue.land(commit), lambda *rows: self.queue.keep(*rows)
        )
        self.commits = Committer[Commit](lambda: Writing(path, recorder, posting, claimable, clock), time.monotonic)
        self.upkeep = upkeep = Upkeep(self.tables, self.commits, missing)
        self.intake = SqliteIntake(self.tables, self.commits, posting)
        troubles = Troubles(path)
        self.queue = SqliteQueue(self.tables, self.commits, claimable, upkeep, troubles)
        self.refusals = refusals = SqliteRefusals(self.tables, self.commits, stopping)
        self.ledger = SqliteLedger(self.tables, self.commits, page, refusals)
        self.barrier = SqliteBarrier(self.tables, page, refusals)
        self.suppressions = SqliteSuppressions(self.tables, self.commits, page, refusals)
        self.erasures = SqliteErasures(self.tables, self.commits, page)
        self.persons = SqlitePersons(self.tables)
        self.dead_letters = SqliteDeadLetters(self.tables, self.commits)
        self.books = SqliteBooks(self.tables, self.commits, troubles)
        self.records = SqliteRecords(self.tables, self.commits, upkeep)

    def use(self, bounds: Bounds) -> None:
        """Go by another policy's bounds, from now on."""
        self.tables.bounds = bounds

    def close(self) -> None:
        """Commit what waits and close the files; the next use opens them again."""
        self.tables.close()
        self._page.close()
        self.commits.close()  # the last to close: only a connection that writes takes the write-ahead log with it


class SqliteBooks:
    """See `protocols.Books`."""

    def __init__(self, tables: Tables, commits: Committer[Commit], troubles: Troubles) -> None:
        self.tables = tables
        self.commits = commits
        self._troubles = troubles

    @property
    def place(self) -> Path | None:
        """The database."""
        return self.tables.path

    def count(self) -> dict[str, Count]:
        """Every destination's books, read in one transaction."""
        return self.tables.read(_count)

    def troubles(self) -> dict[str, Trouble]:
        """The destinations whose vendors are failing."""
        return self._troubles.read()

    def idle(self) -> bool:
        """Whether every row has ended and every line is written."""
        sql = "SELECT 1 FROM outbox UNION ALL SELECT 1 FROM unwritten UNION ALL SELECT 1 FROM flight LIMIT 1"
        return self.tables.read(lambda db: not run(db, sql))

    def failing(self) -> str | None:
        """What is wrong with the database; `None` if the last commit went well."""
        return self.commits.failure

    def standing(self) -> None:
        """There is one node."""
        return None

    def try_again(self) -> Future[None]:
        """An empty commit: whether the store works."""
        return self.commits.submit(lambda commit: None, pressing=True)


class SqliteRecords:
    """See `protocols.Records`."""

    def __init__(self, tables: Tables, commits: Committer[Commit], upkeep: Upkeep) -> None:
        self.tables = tables
        self.commits = commits
        self._upkeep = upkeep

    def kept(self) -> int:
        """How many commits' lines the log does not have yet."""
        return self.tables.read(lambda db: int(run(db, "SELECT count(*) FROM unwritten")[0][0]))

    def adopt(self) -> Future[int]:
        """Write the lines that ended processes could not."""
        return self.commits.submit(self._upkeep.adopt)


def _generation(db: apsw.Connection) -> int:
    return int(run(db, "SELECT n FROM generation")[0][0])


def open_store(needs: Needs) -> SqliteStore:
    """The store of a `[storage] url`, its file made or migrated. Raises ConfigError with a remedy."""
    path = database.path_of(needs.place.url, needs.place.folder)
    database.prepare(path)
    return SqliteStore(path, needs.bounds, needs.recorder, missing=needs.missing, clock=needs.clock)


def _count(db: apsw.Connection) -> dict[str, Count]:
    books = {}
    for no, name, *numbers in run(
        db, "SELECT no, name, accepted, queued, delivered, dead, expired, cancelled, retried FROM destination"
    ):
        oldest = None
        if numbers[1]:
            for (request_id,) in run(
                db,
                "SELECT payload ->> 0 FROM outbox WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1",
                (no << SHIFT, ((no + 1) << SHIFT) - 1),
            ):
                oldest = request_ids.milliseconds(request_id) / 1000
        accepted, queued, delivered, dead, expired, cancelled, retried = numbers
        books[name] = Count(accepted, queued, delivered, dead, expired, cancelled, retried, oldest)
    return books
