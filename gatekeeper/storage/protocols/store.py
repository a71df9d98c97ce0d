"""A whole store: what it is opened with, and the parts that it has for its callers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gatekeeper.storage.protocols.books import Books
from gatekeeper.storage.protocols.dead_letters import DeadLetters
from gatekeeper.storage.protocols.erasures import Erasures
from gatekeeper.storage.protocols.intake import Intake
from gatekeeper.storage.protocols.ledger import Ledger
from gatekeeper.storage.protocols.persons import Persons, Suppressions
from gatekeeper.storage.protocols.queue import Queue
from gatekeeper.storage.protocols.records import Missing, Recording, Records
from gatekeeper.storage.protocols.withdrawals import Barrier, Refusals


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the policy in force asks of a store. A reload brings another one."""

    destinations: tuple[str, ...]
    max_queued: int = 1_000_000  # rows per destination
    dead_for: float = 7 * 86_400.0  # seconds that dead letters are kept

    def most(self, *, ours: bool) -> int:
        """Rows of a destination up to which more are kept: a quarter is left to the operator's own servers and code."""
        return self.max_queued if ours else self.max_queued - self.max_queued // 4


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store is. `url` is `[storage] url`, `folder` the policy's.

    The rest is for a store on a server: `here` is a folder of this machine, in which its processes find each other;
    `keys_checks` tell the pseudonym keys apart, of which all machines must have one in common. `archived`: lines are
    kept until the log's archive has them.
    """

    url: str = field(repr=False)  # it may hold a password
    folder: Path
    here: Path
    listen_url: str | None = field(default=None, repr=False)
    copies: int = 1
    replicated_by: str = "postgres"
    keys_checks: tuple[str, ...] = ()
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Needs:
    """What a store is opened with. `missing(lines, since)` says which lines the log does not have."""

    place: Place
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
    def suppressions(self) -> Suppressions:
        """Who is denied by an identifier."""

    @property
    def erasures(self) -> Erasures:
        """Requests for erasure."""

    @property
    def persons(self) -> Persons:
        """Which rows name a person."""

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
