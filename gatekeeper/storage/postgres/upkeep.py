"""The house of the store in PostgreSQL: what ended processes left, the books, old letters, keys and processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, TypeVar

from gatekeeper.audit.packed import pack, unpack
from gatekeeper.storage.commits import Committer, Listeners
from gatekeeper.storage.outbox import DEAD, ID, Ending, Recovered
from gatekeeper.storage.postgres.commits import BOOKS, Commit
from gatekeeper.storage.postgres.connecting import run
from gatekeeper.storage.postgres.intake import DAY
from gatekeeper.storage.postgres.packets import load, sort_out
from gatekeeper.storage.postgres.schema import SLOTS
from gatekeeper.storage.postgres.stopping import forget_old
from gatekeeper.storage.postgres.tables import QUEUED, Tables
from gatekeeper.storage.protocols import Missing

R = TypeVar("R")
GLANCE: Final = 0.1  # seconds between two looks for rows of other processes
SHORT: Final = 1.0  # seconds between two looks for ended processes
TIDY: Final = 60.0  # seconds between two rounds of what is old
KEPT: Final = 60.0  # seconds that a process without a lease stays in the list of nodes
REMOVED: Final = "destination_removed"
_BURIED: Final = 1_000  # packets of a removed destination that one commit ends


class Upkeep:
    """What is due when. Its methods that take a `Commit` run in the thread that writes."""

    def __init__(
        self, tables: Tables, commits: Committer[Commit], missing: Missing, known: Callable[[], list[int]]
    ) -> None:
        self._tables = tables
        self._commits = commits
        self._missing = missing
        self._known = known  # records that a commit of this process will see to
        self._accepted = -1  # rows by the books of other processes
        self._glanced = self._looked = 0.0  # monotonic seconds, as all of these
        self._tidied = -TIDY

    def do_what_is_due(
        self, claimable: Listeners, leading: bool, orphans: Callable[[Commit], Recovered | None]
    ) -> Future[Recovered | None]:
        """One commit for all of it, or none."""
        now = time.monotonic()
        tidy, look = now - self._tidied > TIDY or self._tidied < 0, now - self._looked > SHORT
        if not tidy and not look and now - self._glanced <= GLANCE:
            return _DONE
        self._glanced = now
        if look:
            self._looked = now

        def do(commit: Commit) -> Recovered | None:
            left = None
            if look or tidy:
                self.adopt(commit)
                if leading:
                    left = orphans(commit)
            if tidy:
                self.tidy(commit)
                self.bury(commit)
            if self._others_accepted(commit):
                commit.committed.append(claimable.call)
            return left

        done = self._commits.submit(do, pressing=tidy)
        if tidy:
            self._tidied = now
        return done

    def _others_accepted(self, commit: Commit) -> bool:
        ((accepted,),) = run(
            commit.link, "SELECT coalesce(sum(accepted), 0) FROM book WHERE writer <> %s", (commit.owner,)
        )
        before, self._accepted = self._accepted, int(accepted)
        return self._accepted != before

    def adopt(self, commit: Commit) -> int:
        """Write the lines that ended processes could not, and release their rows; the number of their commits.

        And those of this process of which no answer came.
        """
        found = run(
            commit.link,
            "SELECT id, at, packets, lines FROM lines WHERE (owner = %s AND id <> ALL(%s::bigint[])) OR (owner <> %s "
            "AND owner NOT IN (SELECT no FROM process WHERE lease > clock_timestamp())) ORDER BY id "
            "FOR UPDATE SKIP LOCKED",
            (commit.owner, self._known(), commit.owner),
        )
        for record, at, packets, blob in found:
            counts = dict[str, int]()
            for destination, n in run(
                commit.link,
                "SELECT destination, sum(n)::bigint FROM outbox WHERE id = ANY(%s) GROUP BY destination",
                (packets,),
            ):
                self._tables.hold(commit, counts, destination, n)
            lost = self._missing(unpack(blob), at)
            if lost:
                commit.heritage += lost
                commit.adopted[record] = counts
                run(
                    commit.link,
                    "UPDATE lines SET owner = %s, lines = %s WHERE id = %s",
                    (commit.owner, pack(lost), record),
                )
            else:  # the log has all of it
                run(commit.link, "DELETE FROM lines WHERE id = %s", (record,))
                self._tables.release(commit, counts, accepted=True)
        return len(found)

    def reckon(self, commit: Commit) -> dict[str, tuple[int, int]]:
        """Compare the books with the rows, and correct them: destination -> (booked, there), where they differed."""
        wrong = {}
        there = dict(
            run(
                commit.link,
                "SELECT destination, sum(n)::bigint FROM outbox o WHERE record IS NULL OR (record <> %s "
                "AND NOT EXISTS (SELECT 1 FROM lines l WHERE l.id = o.record)) GROUP BY destination",
                (commit.record,),
            )
        )
        booked = dict(run(commit.link, f"SELECT destination, sum({QUEUED})::bigint FROM book GROUP BY destination"))
        for name, own in commit.books.items():  # written at the end
            ended = sum(own.get(one, 0) for one in BOOKS[1:5])
            booked[name] = booked.get(name, 0) + own.get("accepted", 0) - ended
        for name in {*there, *booked}:
            has, says = there.get(name, 0), booked.get(name, 0)
            if has != says:
                wrong[name] = (says, has)
                commit.count(name, accepted=has - says)
        return wrong

    def bury(self, commit: Commit) -> int:
        """Make dead letters of the rows of destinations that the policy does not have any more; their number."""
        tables = self._tables
        found = load(
            commit.link,
            "WHERE destination <> ALL(%s::text[]) AND flight IS NULL AND (record IS NULL OR (record <> %s "
            "AND NOT EXISTS (SELECT 1 FROM lines l WHERE l.id = outbox.record))) ORDER BY id LIMIT %s FOR UPDATE",
            ([*tables.bounds.destinations], commit.record, _BURIED),
        )
        buried = 0
        for name in {one.destination for one in found}:
            rows = [row for one in found if one.destination == name for row in one.rows]
            stopped = tables.stopped(commit.link, name)
            ended = tuple(row for row in rows if row.id in stopped)
            dead = tuple(row for row in rows if row.id not in stopped)
            tables.end(commit, name, Ending("cancelled", None, ended), 0)
            tables.end(commit, name, Ending(DEAD, REMOVED, dead), 0)
            buried += len(dead)
        sort_out(commit.link, found, {ID(row): None for one in found for row in one.rows})
        return buried

    def tidy(self, commit: Commit) -> None:
        """Forget old dead letters, withdrawals and keys, and fold the books of processes that are gone. Alone."""
        tables, link, now = self._tables, commit.link, self._tables.clock()
        forget_old(link, now)
        run(link, "DELETE FROM dead WHERE at < %s", (now - tables.bounds.dead_for,))
        for (name,) in run(link, "SELECT DISTINCT destination FROM dead"):
            run(  # a vendor that refuses everything must not fill the disk
                link,
                "DELETE FROM dead WHERE destination = %s AND id <= (SELECT id FROM dead WHERE destination = %s "
                "ORDER BY id DESC LIMIT 1 OFFSET %s)",
                (name, name, tables.bounds.max_queued),
            )
        today = int(now // DAY)
        live = {(today - n) % SLOTS for n in range(SLOTS - 1)}
        for slot in set(range(SLOTS)) - live:
            if run(link, f"SELECT 1 FROM seen_{slot} LIMIT 1"):
                run(link, f"TRUNCATE seen_{slot}")
        run(
            link,
            "UPDATE machine SET last = clock_timestamp() WHERE log IN (SELECT log FROM process WHERE lease > now())",
        )
        run(
            link,
            "DELETE FROM process WHERE lease < clock_timestamp() - make_interval(secs => %s) AND no <> %s "
            "AND NOT EXISTS (SELECT 1 FROM lines WHERE owner = process.no)",
            (KEPT, commit.owner),
        )
        folded = run(
            link,
            f"DELETE FROM book WHERE writer <> 0 AND writer NOT IN (SELECT no FROM process) "
            f"RETURNING destination, {', '.join(BOOKS)}",
        )
        for name, *numbers in folded:
            sums = ", ".join(f"{one} = book.{one} + excluded.{one}" for one in BOOKS)
            run(
                link,
                f"INSERT INTO book(writer, destination, {', '.join(BOOKS)}) VALUES (0, %s, %s, %s, %s, %s, %s, %s) "
                f"ON CONFLICT (writer, destination) DO UPDATE SET {sums}",
                (name, *numbers),
            )


_DONE: Final[Future[Recovered | None]] = Future()
_DONE.set_result(None)
