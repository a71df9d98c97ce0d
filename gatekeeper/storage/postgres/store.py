"""The store in PostgreSQL, put together of a part per caller, and here what is only read."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from typing import Final

from gatekeeper.installation import forks
from gatekeeper.storage.commits import Committer, Listeners
from gatekeeper.storage.outbox import Count, Standing, Trouble
from gatekeeper.storage.postgres.claims import PostgresQueue
from gatekeeper.storage.postgres.commits import Commit, Copies
from gatekeeper.storage.postgres.connecting import Connection, run
from gatekeeper.storage.postgres.dead_letters import PostgresDeadLetters
from gatekeeper.storage.postgres.erasures import PostgresErasures
from gatekeeper.storage.postgres.intake import PostgresIntake, PostgresPosting
from gatekeeper.storage.postgres.ledger import PostgresBarrier, PostgresLedger
from gatekeeper.storage.postgres.members import Members
from gatekeeper.storage.postgres.node import names_of
from gatekeeper.storage.postgres.persons import PostgresPersons
from gatekeeper.storage.postgres.stopping import PostgresRefusals, Stopping
from gatekeeper.storage.postgres.suppressions import PostgresSuppressions
from gatekeeper.storage.postgres.tables import QUEUED, Tables
from gatekeeper.storage.postgres.troubles import Troubles
from gatekeeper.storage.postgres.upkeep import Upkeep
from gatekeeper.storage.postgres.writing import Writing
from gatekeeper.storage.protocols import Bounds, Missing, Recording

_STANDING: Final = """SELECT
    (SELECT count(DISTINCT node) FROM process WHERE lease > clock_timestamp()),
    (SELECT count(*) FROM process WHERE lease > clock_timestamp()),
    (SELECT count(*) FROM process WHERE lease > clock_timestamp() AND applied < (SELECT n FROM generation)),
    (SELECT count(*) FROM lines), (SELECT coalesce(%s - min(at), 0) FROM lines),
    (SELECT coalesce(sum(length(lines)), 0)::bigint FROM trail),
    (SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables),
    (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8 FROM pg_stat_activity
        WHERE datname = current_database() AND backend_xmin IS NOT NULL)"""


class PostgresStore:
    """See `protocols.Store`. Threads and connections begin with the first use, after any fork.

    `here` is a folder of this machine: its processes find each other there, and choose the one that delivers.
    """

    def __init__(
        self,
        url: str,
        here: Path,
        bounds: Bounds,
        recorder: Recording,
        *,
        missing: Missing = lambda lines, since: list(lines),
        clock: Callable[[], float] = time.time,
        copies: Copies = Copies(),  # noqa: B008  # frozen
        listen_url: str | None = None,
        keys_checks: Sequence[str] = (),
        archived: bool = False,
    ) -> None:
        me = cache(lambda: names_of(here))
        self.members = members = Members(listen_url or url, me, keys_checks, self._lease)
        self.tables = Tables(url, bounds, clock, lambda: me().node, lambda: members.timeline)
        claimable, posting = Listeners(), PostgresPosting(self.tables)
        self._writing: Writing | None = None
        trail = (lambda: me().log) if archived else None

        def begin() -> Writing:
            self._writing = Writing(url, copies, members, recorder, posting, claimable, clock, trail)
            return self._writing

        self.commits = Committer[Commit](begin, time.monotonic)
        upkeep = Upkeep(self.tables, self.commits, missing, lambda: self._writing.known() if self._writing else [])
        self.intake = PostgresIntake(self.tables, self.commits, posting)
        troubles = Troubles(self.tables, self.commits)
        self.queue = PostgresQueue(self.tables, self.commits, claimable, upkeep, troubles, here)
        self.refusals = refusals = PostgresRefusals(self.tables, self.commits, members, Stopping(self.tables))
        self.ledger = PostgresLedger(self.tables, self.commits, members, refusals)
        self.barrier = PostgresBarrier(self.tables, members, refusals)
        self.suppressions = PostgresSuppressions(self.tables, self.commits, members, refusals)
        self.persons = PostgresPersons(self.tables)
        self.erasures = PostgresErasures(self.tables, self.commits)
        self.dead_letters = PostgresDeadLetters(self.tables, self.commits)
        self.books = PostgresBooks(
            self.tables, self.commits, troubles, members, lambda: self._no_lease,
            lambda: self._writing.took if self._writing else 0.0,
        )  # fmt: skip
        self.records = PostgresRecords(self.tables, self.commits, upkeep)
        self._no_lease: str | None = None
        forks.register(self)

    def forked(self) -> None:
        """In a child: its own thread is yet to begin."""
        self._writing, self._no_lease = None, None

    def use(self, bounds: Bounds) -> None:
        """Go by another policy's bounds, from now on."""
        self.tables.bounds = bounds

    def close(self) -> None:
        """Commit what waits, give the lease back and close connections; the next use opens them again."""
        self.commits.close()
        self.tables.close()
        self.members.close()

    def _lease(self, failure: str | None) -> None:
        self._no_lease = failure


class PostgresBooks:
    """See `protocols.Books`."""

    def __init__(
        self,
        tables: Tables,
        commits: Committer[Commit],
        troubles: Troubles,
        members: Members,
        lease: Callable[[], str | None],
        commit_took: Callable[[], float],
    ) -> None:
        self._members = members
        self._commit_took = commit_took
        self._tables = tables
        self._commits = commits
        self._troubles = troubles
        self._lease = lease

    @property
    def place(self) -> Path | None:
        """No file of this machine."""
        return None

    def count(self) -> dict[str, Count]:
        """Every destination's books, of all processes, read in one transaction."""
        return self._tables.read(lambda link: _count(link, self._tables.bounds.destinations))

    def troubles(self) -> dict[str, Trouble]:
        """The destinations whose vendors are failing."""
        return self._troubles.read()

    def idle(self) -> bool:
        """Whether every row has ended and every line is written."""
        sql = "SELECT EXISTS (SELECT 1 FROM outbox) OR EXISTS (SELECT 1 FROM lines) OR EXISTS (SELECT 1 FROM flight)"
        return self._tables.read(lambda link: not run(link, sql)[0][0])

    def failing(self) -> str | None:
        """What is wrong with the database, or with this process's lease; `None` if nothing is."""
        return self._commits.failure or self._lease()

    def standing(self) -> Standing:
        """Counted by the server; the lease and the last commit are this process's."""
        found = self._tables.read(lambda link: run(link, _STANDING, (self._tables.clock(),)))[0]
        nodes, processes, behind, unwritten, waited, unarchived, dead_rows, horizon = found
        lease = max(0.0, self._members.until - time.monotonic())
        return Standing(
            nodes, processes, lease, self._commit_took(), behind, unwritten, max(0.0, waited), unarchived,
            dead_rows, horizon,
        )  # fmt: skip

    def try_again(self) -> Future[None]:
        """An empty commit: whether the store works."""
        return self._commits.submit(lambda commit: None)


class PostgresRecords:
    """See `protocols.Records`."""

    def __init__(self, tables: Tables, commits: Committer[Commit], upkeep: Upkeep) -> None:
        self._tables = tables
        self._commits = commits
        self._upkeep = upkeep

    def kept(self) -> int:
        """How many commits' lines the log does not have yet."""
        return self._tables.read(lambda link: int(run(link, "SELECT count(*) FROM lines")[0][0]))

    def adopt(self) -> Future[int]:
        """Write the lines that ended processes could not."""
        return self._commits.submit(self._upkeep.adopt)


def _count(link: Connection, destinations: Sequence[str]) -> dict[str, Count]:
    oldest = dict(run(link, "SELECT destination, min(at) FROM outbox GROUP BY destination"))
    sums = ", ".join(
        f"sum({one})::bigint" for one in ("accepted", QUEUED, "delivered", "dead", "expired", "cancelled", "retried")
    )
    books = {name: Count(0, 0, 0, 0, 0, 0, 0, None) for name in destinations}
    for found in run(link, f"SELECT destination, {sums} FROM book GROUP BY destination"):
        name, accepted, queued, delivered, dead, expired, cancelled, retried = found
        at = oldest.get(name) if queued else None
        books[name] = Count(accepted, queued, delivered, dead, expired, cancelled, retried, at)
    return books
