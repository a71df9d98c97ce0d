"""What a store promises, one protocol per caller. The callers know these, and no engine.

    Intake        the gate           accept arrivals: durable when it says so
    Queue         the deliverer      claim, settle, recover, keep house
    Refusals      the gate           end what a visitor refuses, at no cost where nothing of it is queued
    Ledger        who takes choices  what visitors chose, and the newest word of each
    Barrier       who sends          whether a request may begin, when a withdrawal is over
    DeadLetters   the operator       see, retry and delete what could not be delivered
    Books         metrics, readyz    what waits and what ended; whether the store works
    Records       the deliverer      audit lines that are kept with their rows until the log has them

`Store` has one of each. Every method may be called from any thread; futures fail with StorageError, those of `accept`,
`sweep` and `retry` also with AuditError. `tests/storage/contract.py` is these promises as tests; it runs over every
engine.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gatekeeper.audit.lines import Line
from gatekeeper.model import Choice, Epoch, Notice, Recorded, Voice
from gatekeeper.model.choice import Row, Subject
from gatekeeper.storage.outbox import (
    Accepted,
    Again,
    Arrival,
    Claimed,
    Count,
    DeadLetter,
    Ending,
    Flight,
    Recovered,
    Refusal,
    Trouble,
    Withdrawn,
)

Missing = Callable[[Sequence[Line], float], list[Line]]


class Intake(Protocol):
    """The gate's side of a store."""

    def room(self, destination: str, count: int, *, ours: bool = True) -> bool:
        """Whether `count` more rows can be kept for a destination, as far as this process knows.

        `ours`: of the operator's own servers and code, which may fill the queue; see `Bounds.most`.
        """

    def accept(self, arrivals: Sequence[Arrival]) -> Future[Accepted]:
        """Keep arrivals and have their lines written: all of them, or none.

        Done when rows and lines survive a crash; then, and not before, their rows can be claimed. A repetition (an
        arrival with the key of one accepted in the last seven days) is answered with the first one's request id, and
        goes only to destinations that the first one did not go to. If the outcome is an error, the sender may repeat
        without being answered as a repetition of what was refused.
        """


class Queue(Protocol):
    """The deliverer's side. One deliverer at a time holds a row."""

    def lead(self) -> bool:
        """Whether this process may deliver now; asked again until it may. An engine whose claims exclude one another
        says yes to all.
        """

    def leave(self) -> None:
        """Stop leading: another process may."""

    def watch(self, claimable: Callable[[], None]) -> None:
        """Have `claimable` called when rows may have become so.

        From any thread, at any time, also without cause; it must return at once.
        """

    def recover(self) -> Future[Recovered]:
        """Take over what ended processes left: lines they could not write, flights under way, rows that wait.

        Called by the process that leads, before its first claim. The flights get new ids: their former owner can settle
        nothing. Books that differ from the rows are corrected, rows of destinations that are gone become dead letters.
        """

    def ready(self, destination: str) -> int:
        """About how many rows could be claimed now."""

    def claim(self, destination: str, *, events: int, size: int, flights: int) -> Future[Claimed]:
        """At most `flights` flights of at most `events` rows and `size` bytes (one row may have more).

        Rows whose lines are durable, which are not under way and wait for no other attempt. Durable before it is
        done, so that a row is known to have been under way if the process ends.
        """

    def claim_again(self, destination: str, again: Again) -> Future[Flight | None]:
        """A flight of rows whose waiting is over; `None` if they all have ended meanwhile."""

    def settle(
        self, flight: Flight, endings: Sequence[Ending], again: Sequence[Again], why: str | None, landed: bool
    ) -> Future[bool]:
        """What became of (some of) a flight's rows; `landed` ends the flight. Lines are written after.

        `False` if the flight is not (or no longer) this caller's: then nothing was changed. Rows that were cancelled
        while they were under way do not wait again: they end. May be repeated where it is not known whether it was
        committed.
        """

    def give_back(self, flight: Flight) -> Future[bool]:
        """No request was begun with a flight: its rows can be claimed as before. `False` as for `settle`."""

    def troubled(self, destination: str, trouble: Trouble | None) -> None:
        """Say that a destination's vendor is failing, or works again (`None`); for `Books.troubles`. Returns at once.

        What an ended deliverer said is forgotten by `recover`.
        """

    def maintain(self) -> Future[Recovered | None]:
        """Do what is due in the house: what ended processes left, old dead letters and keys, the engine's own files.

        What deliverers of other machines left, which are gone, comes out of it, to be settled as by `recover`.

        Called every few hundredths of a second by the process that leads; cheap if nothing is due.
        """


class Refusals(Protocol):
    """The side of the gate on which visitors refuse."""

    def sweep(self, refusals: Sequence[Refusal]) -> Future[int] | None:
        """End what was accepted before and is refused now, as `withdraw` does; the lines have the refusal's reason.

        `None` where nothing of it is there. That costs a look, before every answer to a visitor who refuses. Fails
        with StorageError also where a request may still begin; its rows are stopped all the same.
        """


@dataclass(frozen=True, slots=True)
class Look:
    """What the ledger says of `subjects`: those that were asked about, and the accounts that the devices are linked to.

    `voices` are theirs, in order. `seen` is for `Ledger.still`; `None`: do not remember it.
    """

    subjects: tuple[Subject, ...]
    voices: tuple[Voice, ...]
    seen: Hashable | None


class Ledger(Protocol):
    """What visitors chose: rows that are only ever added, and an erasable link from pseudonyms to a person."""

    def choices(self, subjects: Sequence[Subject]) -> Look:
        """The newest word per purpose, of each subject and linked account. Raises StorageError."""

    def still(self, seen: Hashable) -> bool:
        """Whether nothing was recorded of those subjects since that look, in any process. Costs well under 10 µs."""

    def record(self, choice: Choice, reasons: Mapping[str, str]) -> Future[Recorded]:
        """Keep a choice and its audit line; end what it takes back, to the destinations of `reasons`, as `withdraw`.

        Done when the row is durable and, where it took something back, the barrier has answered. A choice for the
        same display that is the newest row already is answered with that row. Fails with StorageError; then nothing
        was recorded.
        """

    def link(self, device: Subject, account: Subject | None) -> Future[None]:
        """Let a device speak for an account as well, until another link; `None`: it is logged out."""

    def keep(self, notice: Notice) -> Future[None]:
        """Keep the words that are shown, under their hash. Known ones cost a look in memory."""

    def notice(self, digest: str) -> Notice | None:
        """The words of a hash. Raises StorageError."""

    def history(self, subjects: Sequence[Subject]) -> list[Row]:
        """All rows of these subjects, the oldest first. Raises StorageError."""

    def find(self, receipt: str) -> Row | None:
        """The row of a receipt, whether or not its person can still be found. Raises StorageError."""

    def forget(self, subjects: Sequence[Subject]) -> Future[int]:
        """Remove the link from these pseudonyms to their rows, and evidence; the number of rows without a person now.

        Rows stay: they say nothing of anybody.
        """


@dataclass(frozen=True, slots=True)
class Slot:
    """A request that is about to begin; `generation` is how many withdrawals were known when it said so."""

    number: int
    generation: int


class Barrier(Protocol):
    """Nothing that needs a consent begins after its withdrawal was answered. Who sends does this for each request:

        slot = barrier.enter()                     at the last moment, with the connection open
        if slot is None: do not send               nothing that needs consent may begin here
        if slot.generation != decided: ask `withdrawn` (of a row of the queue: `stopped`), and do not send if so
        write the first byte; then, also where nothing was written, barrier.leave(slot)

    Between `enter` and `leave` nothing waits. A withdrawal is answered when every slot that is older has been left.
    """

    def now(self) -> Epoch | None:
        """How many withdrawals there were. `None`: this process cannot know; nothing that needs consent starts."""

    def enter(self) -> Slot | None:
        """Say that a request is about to begin."""

    def leave(self, slot: Slot) -> None:
        """Say that it has begun, or will not."""

    def withdrawn(self, subjects: Collection[str], destination: str, since: int) -> bool:
        """Whether one of the subjects took back what a destination needs, after that generation.

        Also where it is not known any more, because it was too long ago. Raises StorageError.
        """

    def stopped(self, destination: str) -> frozenset[Hashable]:
        """Rows that were cancelled while they were under way and have not ended. Raises StorageError."""

    def withdraw(self, subjects: Collection[str], reasons: Mapping[str, str]) -> Future[Withdrawn]:
        """End every row of the subjects to these destinations, and have no request that is decided already begin.

        Queued, waiting, dead and unrecorded rows end; of one that is under way no further request begins. Without a
        subject that the store knows nothing is waited for.
        """


class DeadLetters(Protocol):
    """The operator's side. Ids are text that the operator can copy."""

    def page(self, destination: str | None = None, limit: int = 1_000) -> list[DeadLetter]:
        """The newest dead letters. Raises StorageError."""

    def retry(self, ids: Sequence[str]) -> Future[int]:
        """Queue dead letters again; each counts as accepted once more. The number of those that were there."""

    def purge(self, ids: Sequence[str]) -> Future[int]:
        """Delete dead letters for good. The number of those that were there."""


class Books(Protocol):
    """What is known of all rows, and of the store itself."""

    @property
    def place(self) -> Path | None:
        """The file on this machine that must stay writable; `None` for an engine that is elsewhere."""

    def count(self) -> Mapping[str, Count]:
        """Every destination's books, read in one consistent look. Raises StorageError."""

    def troubles(self) -> Mapping[str, Trouble]:
        """The destinations whose vendors are failing, as far as the deliverer said so, in whichever process it is."""

    def idle(self) -> bool:
        """Whether every row has ended and every line is written. Raises StorageError."""

    def failing(self) -> str | None:
        """What is wrong with the store, in a few words; `None` if the last commit went well."""

    def try_again(self) -> Future[None]:
        """Commit nothing: whether the store works now."""


class Records(Protocol):
    """Audit lines in the store. `accept` and `settle` keep them; the log takes them from there."""

    def kept(self) -> int:
        """How many commits' lines the log does not have yet, as far as the store was told. Raises StorageError."""

    def adopt(self) -> Future[int]:
        """Have the lines written that ended processes kept and could not write, and let their rows go; their commits.

        No row can be claimed before its own line is written.
        """


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the policy in force asks of a store. A reload brings another one."""

    destinations: tuple[str, ...]
    max_queued: int = 1_000_000  # rows per destination
    dead_for: float = 7 * 86_400.0  # seconds that dead letters are kept

    def most(self, *, ours: bool) -> int:
        """Rows of a destination up to which more are kept: a quarter is left to the operator's own servers and code."""
        return self.max_queued if ours else self.max_queued - self.max_queued // 4


class Recording(Protocol):
    """The part of the audit log's writer that a store needs."""

    def append(self, batch: list[Line]) -> Future[None]:
        """Make audit lines durable; done when they are."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a store is opened with.

    `url` is `[storage] url`, `folder` the policy's. `missing(lines, since)` says which lines the log does not have.
    """

    url: str
    folder: Path
    bounds: Bounds
    recorder: Recording
    missing: Missing
    clock: Callable[[], float]


class Store(Protocol):
    """One engine, as one process sees it. Its threads and connections begin with the first use, after any fork.

    A process may fork at any time, also while its threads are in the store. The gate takes care of its own threads
    and locks only. An engine must see to it that a child neither uses nor closes what it inherits (a connection, a
    lock that another thread held, a thread that is not there any more), and opens its own with the first use:
    `installation/forks.py` has `work`, `keep` and `register` for that, `os.register_at_fork` does without the gate.
    """

    @property
    def intake(self) -> Intake:
        """The part for the gate."""

    @property
    def queue(self) -> Queue:
        """The part for the deliverer."""

    @property
    def refusals(self) -> Refusals:
        """For what visitors refuse."""

    @property
    def ledger(self) -> Ledger:
        """Where choices are kept and looked up."""

    @property
    def barrier(self) -> Barrier:
        """What a sender asks before the first byte, and what a withdrawal waits for."""

    @property
    def dead_letters(self) -> DeadLetters:
        """The part for the operator."""

    @property
    def books(self) -> Books:
        """For metrics and `readyz`."""

    @property
    def records(self) -> Records:
        """For the audit log."""

    def use(self, bounds: Bounds) -> None:
        """Go by another policy's bounds, from now on."""

    def close(self) -> None:
        """Commit what waits, let go of threads and connections; the next use takes them up again."""


Opening = Callable[[Needs], Store]
