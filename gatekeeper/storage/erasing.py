"""What a store promises about requests for erasure, and about the index of ids that were sent. No engine.

A row is a request: what may be seen of it, and a part that is sealed (`rights.sealing`) and goes when the last
recipient has answered. The index says, for an identifier that a person may bring, which ids a destination got of
them; its rows cannot be read without that identifier.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Future
from typing import NamedTuple, Protocol


class ErasureRow(NamedTuple):
    """One request. `record` is JSON without any identifier, `sealed` what only the sealing key opens.

    `version` is how often it was kept. `next` is when there is something to do about it (Unix seconds), None: nothing.
    `marks` are keyed hashes of its identifiers, by which a second request of the same person is known while this one is
    open.
    """

    id: str
    version: int
    state: str
    due: float
    next: float | None
    changed: float
    record: str
    sealed: bytes | None = None
    marks: tuple[bytes, ...] = ()


class Alias(NamedTuple):
    """Ids that a destination got of a person: under a keyed hash of an identifier, sealed with a key made of it."""

    name: bytes
    destination: str
    sealed: bytes
    until: int  # Unix seconds


class Erasures(Protocol):
    """Requests for erasure. What reads raises StorageError, futures fail with it."""

    def add(self, row: ErasureRow) -> Future[bool]:
        """Keep a request; `False` if there is one of its id."""

    def get(self, erasure: str) -> ErasureRow | None:
        """A request by its id."""

    def page(self, state: str | None = None, due_before: float | None = None, limit: int = 1_000) -> list[ErasureRow]:
        """Requests without their sealed parts, those that are due first at the beginning."""

    def save(self, row: ErasureRow) -> Future[bool]:
        """Keep a later version of a request; `False` if it is not the one that `row` was made of (`row.version`)."""

    def work(self, now: float) -> list[str]:
        """The ids of requests about which there is something to do by now. Costs a look where there is none."""

    def marked(self, marks: Collection[bytes]) -> list[str]:
        """The ids of requests with one of these marks."""

    def expire(self, before: float) -> Future[int]:
        """Delete requests that ended before a time, and entries of the index that are over; how many requests."""

    def remember(self, aliases: Sequence[Alias]) -> Future[None]:
        """Keep entries of the index; one that is there gets the later end."""

    def recall(self, names: Collection[bytes]) -> list[Alias]:
        """The entries under these hashes."""

    def forget(self, names: Collection[bytes]) -> Future[int]:
        """Delete the entries under these hashes; their number."""

    def wipe(self, names: Collection[str]) -> Future[None]:
        """Forget who took something back, of these pseudonyms, and let no deleted byte stay in the engine's files.

        What was decided before and is not accepted yet is stopped all the same, whoever's it is.
        """

    def people(self) -> list[str]:
        """Every pseudonym in the store, for a search by something that is made of them."""
