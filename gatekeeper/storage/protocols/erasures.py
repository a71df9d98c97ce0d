"""For operators: requests for erasure, and the index of ids that were sent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Future
from typing import Protocol

from gatekeeper.storage.erasing import Alias, ErasureRow, Outstanding


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

    def outstanding(self, now: float) -> Outstanding:
        """How many requests wait for their answer, and of how many the last day is over."""

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
        """Forget who took something back, of these pseudonyms.

        What was decided before and is not accepted yet is stopped all the same, for every person.
        """

    def overwrite(self) -> None:
        """Let no byte of what was deleted stay in the engine's files, where the engine is part of this process.

        Blocks for what a look at the whole file takes. Raises StorageError where it could not be done: do it again.
        """

    def people(self) -> list[str]:
        """Every pseudonym in the store, for a search by something that is made of them."""
