"""What the workers of one node share: rows, flights, dead letters, books, keys, and lines that wait for the log."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field

from gatekeeper.audit.lines import Line
from gatekeeper.model import Choice, Heard, Notice, Suppression
from gatekeeper.model.choice import Kind
from gatekeeper.model.suppression import Why
from gatekeeper.storage.erasing import ErasureRow
from gatekeeper.storage.outbox import Count, Flight, Row, Trouble, Withdrawn


@dataclass(eq=False, slots=True)
class Commit:
    """Lines that the log does not have yet, the rows that wait for them, and how to take their arrivals back.

    `worker` is the number of the worker that has the lines written. `over` is done when the lines are durable, or
    the arrivals were taken back.
    """

    worker: int
    at: float
    decisions: list[Line] = field(default_factory=list)
    outcomes: list[Line] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    request_ids: set[str] = field(default_factory=set)
    keys: list[tuple[bytes, frozenset[str] | None]] = field(default_factory=list)
    offered: bool = False
    over: Future[None] = field(default_factory=Future)


@dataclass(slots=True)
class First:
    """The first arrival of a key: its id, when it came, and where it went."""

    request_id: str
    at: float
    destinations: set[str]


@dataclass(slots=True)
class Stop:
    """A row that was cancelled while it was under way: why."""

    why: str | None


@dataclass(slots=True)
class Said:
    """A row of the ledger, the persons that it is of, and evidence that can be erased."""

    seq: int
    choice: Choice
    persons: dict[Kind, int]
    digest: str
    evidence: str | None


@dataclass(eq=False, slots=True)
class Passing:
    """A withdrawal that waits for who is about to send and does not know its generation; `ended` rows ended by it."""

    generation: int
    ended: int
    done: Future[Withdrawn]


class Memory:
    """One node's store. Everything is done under its lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.last = 0
        self.rows: dict[int, tuple[str, Row]] = {}  # all that have not ended, with their destinations
        self.hidden: set[int] = set()  # of those, the ones whose line is not written
        self.flights: dict[int, Flight] = {}
        self.waiting: dict[int, tuple[float, int]] = {}  # row -> due, attempt
        self.stopped: dict[int, Stop] = {}
        self.dead: dict[int, tuple[str, Row, int, str, float]] = {}
        self.books: dict[str, dict[str, int]] = {}
        self.troubles: dict[str, Trouble] = {}
        self.seen: dict[bytes, First] = {}
        self.commits: list[Commit] = []  # of which the log does not have all lines
        self.gone: set[int] = set()  # workers that were killed
        self.leader: int | None = None
        self.listeners: list[Callable[[], None]] = []
        self.generation = 1  # of the last withdrawal
        self.oldest = 0  # and of the first that is known
        self.withdrawn: list[tuple[int, frozenset[str], dict[str, str], float]] = []
        self.slots: dict[int, tuple[int, int]] = {}  # who is about to send: worker, generation
        self.passing: list[Passing] = []
        self.names: dict[str, tuple[Kind, int]] = {}  # pseudonym -> person
        self.said: list[Said] = []
        self.links: dict[int, int] = {}  # device -> account, both as persons
        self.changed = 0
        self.notices: dict[str, Notice] = {}
        self.suppressed: dict[tuple[bytes, Why], Suppression] = {}
        self.erasures: dict[str, ErasureRow] = {}
        self.aliases: dict[tuple[bytes, str, bytes], int] = {}  # name, destination, sealed ids -> until

    def id(self) -> int:
        """A number that nothing had before."""
        self.last += 1
        return self.last

    def count(self, destination: str, **numbers: int) -> None:
        """Add to a destination's books."""
        books = self.books.setdefault(destination, dict.fromkeys(Count.__slots__[:7], 0))
        for name, number in numbers.items():
            books[name] += number

    def all(self) -> list[tuple[int, str, Row]]:
        """Rows that have not ended, and dead letters: number, destination, row."""
        return [
            *((number, name, row) for number, (name, row) in self.rows.items()),
            *((number, name, row) for number, (name, row, *_) in self.dead.items()),
        ]

    def flying(self) -> set[Hashable]:
        """Rows that are under way."""
        return {row.id for flight in self.flights.values() for row in flight.rows}

    def tell(self) -> None:
        """Say that rows may be claimable."""
        for claimable in self.listeners:
            claimable()

    def next(self) -> int:
        """The generation of another withdrawal."""
        self.generation += 1
        return self.generation

    def answer(self) -> None:
        """Answer the withdrawals of which all know who are about to send; workers that were killed send nothing."""
        for one in list(self.passing):
            if all(known >= one.generation or worker in self.gone for worker, known in self.slots.values()):
                self.passing.remove(one)
                one.done.set_result(Withdrawn(one.ended, Heard.HEARD))


def number_of(row_id: Hashable) -> int:
    """A row's or a flight's id, which this store gave. Raises TypeError for one of another store."""
    if not isinstance(row_id, int):
        raise TypeError("not an id of this store")
    return row_id
