"""The nouns that go into a store and come out of one. No engine, no disk; what a store does is in `protocols.py`.

A row is one filtered, hashed event on its way to one destination. `subjects` are its pseudonyms. Ids of rows and
flights are opaque: a store gave them, and only that store may look inside.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, NamedTuple

from gatekeeper.audit.lines import Line
from gatekeeper.model import Heard

DELIVERED: Final = "delivered"
DEAD: Final = "dead"
EXPIRED: Final = "expired"
CANCELLED: Final = "cancelled"
STATES: Final = (DELIVERED, DEAD, EXPIRED, CANCELLED)
WORDS: Final[Mapping[str, str]] = {DEAD: "failed", EXPIRED: "failed", CANCELLED: "cancelled", DELIVERED: "delivered"}
ID: Final = itemgetter(0)  # of a row


class Job(NamedTuple):
    """One event for one destination; `head` and `body` are `Shaped`'s: jobs of one head may share a request."""

    destination: str
    event_time: float
    head: bytes
    body: bytes


class Refusal(NamedTuple):
    """What a visitor takes back: rows of one of the `subjects`, by destination the reason code.

    Rows of events after `until` (Unix seconds) and of the request ids in `spared` were permitted later: they stay.
    """

    subjects: tuple[str, ...]
    reasons: Mapping[str, str]
    until: float = float("inf")
    spared: frozenset[str] = frozenset()


class Arrival(NamedTuple):
    """One event that was decided: its decision line, and what is to be delivered of it.

    The line is `None` where that of another arrival beside it tells of this one, too; then nothing is delivered.

    `decided` is the generation (`Barrier.now`) that was known before the ledger was asked: what one of the subjects
    took back since is not sent. `None`: it needs no consent.

    `key` tells a repetition of the event (`KeyRing.event_key`); `None` where the sender gave it no id. `refuses` is
    what the visitor takes back by it. `full` are destinations that would get it, had their queues room.
    """

    request_id: str
    key: bytes | None
    subjects: tuple[str, ...]
    line: Line | None
    jobs: tuple[Job, ...]
    refuses: Refusal | None = None
    decided: int | None = None
    full: tuple[str, ...] = ()


class Row(NamedTuple):
    """A job in a store."""

    id: Hashable
    request_id: str
    event_time: float
    subjects: tuple[str, ...]
    head: str
    body: str


class Flight(NamedTuple):
    """Rows of one destination and one head that were claimed for one request; `attempt` counts from 1."""

    id: Hashable
    destination: str
    attempt: int
    rows: tuple[Row, ...]


class Accepted(NamedTuple):
    """The request ids to answer with, and flights that this process owns already: it need not claim them."""

    request_ids: list[str]
    flights: tuple[Flight, ...] = ()


class Claimed(NamedTuple):
    """Flights, and whether more rows may be there already."""

    flights: tuple[Flight, ...]
    more: bool


class Ending(NamedTuple):
    """Rows that ended: in which of `STATES`, why, and the line that says so."""

    state: str
    why: str | None
    rows: tuple[Row, ...]


class Again(NamedTuple):
    """Rows that wait for another attempt, from `due` (Unix seconds) on."""

    due: float
    attempt: int
    ids: tuple[Hashable, ...]


class Recovered(NamedTuple):
    """What an ended deliverer left behind, and what was put right.

    `flights` were under way, `waiting` are rows that wait, by destination. `corrected` are the books that differed
    from the rows, as destination -> (booked, there); `buried` is the number of rows of destinations that are gone.
    """

    flights: tuple[Flight, ...]
    waiting: tuple[tuple[str, Again], ...]
    corrected: Mapping[str, tuple[int, int]]
    buried: int


class Withdrawn(NamedTuple):
    """What a withdrawal ended, and whether it has reached everything that could begin a request."""

    cancelled: int
    heard: Heard


class Whereabouts(NamedTuple):
    """How many rows name a person, by table, and with whose pseudonyms they stand together.

    `flying`, `waiting` and `stopped` are of the `queued`. `links` are logins in the ledger, `unwritten` lines that wait
    for the log, and `decided` the ids of the requests that these lines decide. `together`: the pseudonyms of each row,
    for a human to say which are the same person's.
    """

    ledger: int = 0
    links: int = 0
    queued: int = 0
    flying: int = 0
    waiting: int = 0
    stopped: int = 0
    dead: int = 0
    unwritten: int = 0
    decided: frozenset[str] = frozenset()
    destinations: frozenset[str] = frozenset()
    together: tuple[frozenset[str], ...] = ()


class Trouble(NamedTuple):
    """A destination whose vendor is failing: since when (Unix seconds), and the last failure's short code."""

    since: float
    why: str


class Standing(NamedTuple):
    """How a store on a server stands, as one process sees it. Times are seconds.

    `nodes` and `processes` have a lease, `lease` is what is left of this one's, `commit` how long its last commit took.
    `behind` processes do not know of the last withdrawal yet. `unwritten` commits wait for a log, the oldest for
    `waited`; `unarchived` are bytes of lines that a log has and its archive lacks. `dead_rows` are what the server has
    to clean up, `horizon` the age of the transaction that keeps it.
    """

    nodes: int
    processes: int
    lease: float
    commit: float
    behind: int
    unwritten: int
    waited: float
    unarchived: int
    dead_rows: int
    horizon: float


class DeadLetter(NamedTuple):
    """A row that could not be delivered and may be retried by hand."""

    id: str
    destination: str
    request_id: str
    event_time: float
    attempts: int
    why: str
    at: float


@dataclass(frozen=True, slots=True)
class Count:
    """One destination's books: `accepted == queued + delivered + dead + expired + cancelled`, always."""

    accepted: int
    queued: int
    delivered: int
    dead: int
    expired: int
    cancelled: int
    retried: int
    oldest: float | None  # when the oldest queued row was accepted, Unix seconds
