"""One transaction in PostgreSQL: what its parts add up to, and its lock. Its life is `commits.FOLLOWS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gatekeeper.audit.lines import Line
from gatekeeper.audit.segments import Head
from gatekeeper.storage.commits import Phase
from gatekeeper.storage.outbox import Arrival
from gatekeeper.storage.postgres.connecting import ANSWER, Connection, NotReplicated, WentBack, run

ALONE: Final = 2 * ANSWER  # seconds for a transaction that is alone: it waits for all others first
IDLE: Final = 1_000  # milliseconds that a transaction of a frozen process holds others up
LOCK: Final = 7_236_971  # shared by all that only add or take; alone for what must see all of it


class Left(Exception):  # noqa: N818  # not a failure: the process joins again and goes on
    """Another process has found this one to be gone."""


class Copies(NamedTuple):
    """On how many machines a commit is before it counts as one, and who sees to it (`postgres` or `storage`)."""

    number: int = 1
    by: str = "postgres"

    @property
    def proven(self) -> bool:
        """Whether the server must show that a second one has it."""
        return self.number > 1 and self.by == "postgres"


@dataclass(slots=True, eq=False)
class Commit:
    """One transaction: what its parts add up to."""

    link: Connection
    owner: int  # the process
    record: int  # the id that its lines have in `lines`
    generation: int  # how many withdrawals there are
    oldest: int  # of those that are known
    decisions: list[Line] = field(default_factory=list)
    outcomes: list[Line] = field(default_factory=list)
    arrivals: list[tuple[Sequence[Arrival], list[str]]] = field(default_factory=list)
    packets: list[int] = field(default_factory=list)  # that it brings
    counts: dict[str, int] = field(default_factory=dict)  # destination → rows of those
    heritage: list[Line] = field(default_factory=list)  # lines that an ended process left, under its own records
    adopted: dict[int, dict[str, int]] = field(default_factory=dict)  # those records, and the rows that wait for them
    keys: list[tuple[bytes, list[str] | None]] = field(default_factory=list)  # seen, and what stood there before
    committed: list[Callable[[], object]] = field(default_factory=list)  # done at once when it is durable; cannot fail
    undo: list[Callable[[], object]] = field(default_factory=list)  # done if it is rolled back: memory follows
    books: dict[str, dict[str, int]] = field(default_factory=dict)  # destination → what is added to its books
    published: int | None = None  # its number, if senders must know of it
    suppresses: bool = False  # a person
    people: set[int] = field(default_factory=set)  # whom it is about
    phase: Phase = Phase.OPEN
    due: float = 0.0  # of one that is owed: when it is offered again, monotonic seconds
    place: Head | None = None  # where the log's stream ends behind its lines

    def forget_arrivals(self) -> None:
        """The arrivals were taken back: outcomes and what was adopted are left."""
        for part in (self.decisions, self.arrivals, self.packets, self.keys, self.counts):
            part.clear()

    @property
    def own(self) -> list[Line]:
        """The lines that are kept under its own record."""
        return [*self.decisions, *self.outcomes]

    @property
    def lines(self) -> list[Line]:
        """All that the log is to have of it."""
        return [*self.decisions, *self.outcomes, *self.heritage]

    def count(self, destination: str, **numbers: int) -> None:
        """Add to a destination's books."""
        books = self.books.setdefault(destination, {})
        for name, number in numbers.items():
            books[name] = books.get(name, 0) + number


BOOKS: Final = ("accepted", "delivered", "dead", "expired", "cancelled", "retried")
_ADD: Final = f"""INSERT INTO book(writer, destination, {", ".join(BOOKS)})
    SELECT %s, * FROM unnest(%s::text[]{", %s::bigint[]" * len(BOOKS)})
    ON CONFLICT (writer, destination) DO UPDATE SET
    {", ".join(f"{name} = book.{name} + excluded.{name}" for name in BOOKS)}"""
# Each statement of it sees what is committed when it begins: the last one what was committed when the lock was given.
_BEGIN: Final = """BEGIN;
SET LOCAL synchronous_commit = {durable};
SET LOCAL idle_in_transaction_session_timeout = {idle};
SELECT {lock};
SELECT n, oldest, nextval('record'), current_setting('synchronous_standby_names') <> '',
    (SELECT count(*) FROM process WHERE no = {owner}) FROM generation"""


def begin(link: Connection, owner: int, copies: Copies, *, alone: bool, lazy: bool, known: int) -> Commit:
    """A transaction that has its lock. Raises psycopg.Error; Left if this process has to join again."""
    durable = "off" if lazy else "on"
    link.patience = ALONE if alone else ANSWER
    lock = f"pg_advisory_xact_lock{'' if alone else '_shared'}({LOCK})"
    # One message of the simple protocol. In a pipeline the server would wait for the rest of it without any limit, with
    # the lock held, where this process is frozen in the middle.
    cursor = link.execute(_BEGIN.format(durable=durable, idle=IDLE, lock=lock, owner=int(owner)).encode())
    while cursor.nextset():
        pass
    ((n, oldest, record, replicated, there),) = cursor.fetchall()
    if n < known:
        raise WentBack("the database knows of fewer withdrawals than this process")
    if copies.proven and not replicated:
        raise NotReplicated("no standby has to confirm a commit")
    if not there:
        raise Left
    return Commit(link, owner, record, n, oldest)


def end(commit: Commit) -> None:
    """Write the books and commit. Raises psycopg.Error; then it is not known whether it was committed."""
    _write_books(commit.link, commit.owner, commit.books)
    warned: list[str] = []
    heed = lambda notice: warned.append(notice.severity_nonlocalized or "")  # noqa: E731  # added and removed
    commit.link.add_notice_handler(heed)
    try:
        run(commit.link, "COMMIT")
    finally:
        commit.link.remove_notice_handler(heed)
    if "WARNING" in warned:  # the wait for the standby was cancelled: a success that is none
        commit.link.pgconn.finish()
        raise NotReplicated("the wait for the standby was cancelled")


def _write_books(link: Connection, owner: int, books: Mapping[str, Mapping[str, int]]) -> None:
    rows = [
        (destination, *[books[destination].get(name, 0) for name in BOOKS])
        for destination in sorted(books)  # in one order everywhere
        if any(books[destination].values())
    ]
    if rows:
        destinations, *numbers = (list(column) for column in zip(*rows, strict=True))
        run(link, _ADD, (owner, destinations, *numbers))
