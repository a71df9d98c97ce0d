"""What an outbox is. The nouns that go in and out, and the protocol an engine fulfils. No engine, no disk.

    accept   arrivals in; done when rows and decision lines are durable (what a 202 promises)
    claim    queued rows out, as flights: durable before the first byte of a request
    settle   what became of a flight: rows end, or wait for another attempt
    cancel   rows of a subject end without having been sent
    sweep    the same for what visitors refuse, at no cost where nothing is queued
    count    what waits and what ended, in one consistent look

A row is one filtered, hashed event on its way to one destination. `subjects` are its pseudonyms.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from gatekeeper.audit.lines import Line

DELIVERED: Final = "delivered"
DEAD: Final = "dead"
EXPIRED: Final = "expired"
CANCELLED: Final = "cancelled"
STATES: Final = (DELIVERED, DEAD, EXPIRED, CANCELLED)


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

    `key` tells a repetition of the event (`KeyRing.event_key`); `None` where the sender gave it no id. `refuses` is
    what the visitor takes back by it.
    """

    request_id: str
    key: bytes | None
    subjects: tuple[str, ...]
    line: Line | None
    jobs: tuple[Job, ...]
    refuses: Refusal | None = None


class Row(NamedTuple):
    """A job in the outbox."""

    id: int
    request_id: str
    event_time: float
    subjects: str
    head: str
    body: str


class Flight(NamedTuple):
    """Rows of one destination and one head that were claimed for one request; `attempt` counts from 1."""

    id: int
    destination: str
    attempt: int
    rows: tuple[Row, ...]


class Claimed(NamedTuple):
    """Flights, where the next claim goes on, and whether more may be there already."""

    flights: tuple[Flight, ...]
    after: int
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
    ids: tuple[int, ...]


class DeadLetter(NamedTuple):
    """A row that could not be delivered and may be retried by hand."""

    id: int
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


class Outbox(Protocol):
    """Every method may be called from any thread; futures fail with StorageError, `accept`'s also with AuditError."""

    def room(self, destination: str, count: int) -> bool:
        """Whether `count` more rows can be kept for a destination; as far as this process knows."""

    def accept(self, arrivals: Sequence[Arrival]) -> Future[list[str]]:
        """Keep arrivals and write their lines; the request ids, a repetition's being the first one's."""

    def claim(
        self, destination: str, *, after: int, events: int, size: int, flights: int, busy: Collection[int]
    ) -> Future[Claimed]:
        """At most `flights` new flights of at most `events` rows and `size` bytes, of rows past `after`."""

    def claim_again(self, destination: str, again: Again) -> Future[Flight | None]:
        """A flight of rows that waited for another attempt; `None` if none of them is there any more."""

    def settle(
        self, flight: Flight, endings: Sequence[Ending], again: Sequence[Again], why: str | None, landed: bool
    ) -> Future[None]:
        """What became of (some of) a flight's rows; `landed` ends the flight."""

    def cancel(self, subjects: Collection[str], destinations: Collection[str] | None = None) -> Future[int]:
        """End every row of the subjects that is not under way; of one that is, no further request begins.

        Done when that holds in every process.
        """

    def sweep(self, refusals: Sequence[Refusal]) -> Future[int] | None:
        """End what the refusals are about: queued rows, rows under way as `cancel` does, dead letters.

        `None` where nothing of it is there, which costs a look; else done when it holds in every process.
        """

    def count(self) -> Mapping[str, Count]:
        """Every destination's books, read in one transaction. Raises StorageError."""

    def failing(self) -> str | None:
        """What is wrong with the store, in a few words; `None` if the last commit went well."""
