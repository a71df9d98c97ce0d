"""What is asked of a store about persons: who is suppressed, and which rows name a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from typing import Protocol

from gatekeeper.model import Suppression
from gatekeeper.model.suppression import Why
from gatekeeper.storage.outbox import Whereabouts, Withdrawn


class Suppressions(Protocol):
    """Who is denied by an identifier, as keyed hashes (`KeyRing.hidden`). All methods but futures raise StorageError.

    `any` and `of` are asked for every event, after `Barrier.now`: what was added before that generation is found.
    """

    def any(self) -> bool:
        """Whether there may be any entry. Costs about a microsecond."""

    def of(self, hashes: Collection[bytes]) -> tuple[Suppression, ...]:
        """The entries of these hashes that have not ended. Costs microseconds where there are none."""

    def find(self, hashes: Collection[bytes]) -> tuple[Suppression, ...]:
        """The same, for commands: straight from the table."""

    def add(
        self, entries: Sequence[Suppression], names: Collection[str], reasons: Mapping[str, str]
    ) -> Future[Withdrawn]:
        """Keep entries, and end what is queued of `names` (pseudonyms), to the destinations of `reasons`.

        As `Barrier.withdraw`, in one step: when it is done, no request begins of what was decided before, and what is
        decided from now on knows the entries, in every worker. One hash has one entry per reason: a later one begins
        again, with the purposes of both and the later end.
        """

    def remove(self, hashes: Collection[bytes], whys: Collection[Why]) -> Future[int]:
        """Delete entries; the number of those that were there. Events decided from now on do not feel them."""

    def page(self, after: bytes = b"", limit: int = 1_000) -> list[Suppression]:
        """All entries of the first `limit` hashes behind one, in order; ended ones, too, until `expire`."""

    def count(self) -> Mapping[str, int]:
        """How many entries there are, by reason."""

    def keys(self, but: Collection[str] = ()) -> frozenset[str]:
        """The ids of the keys without which entries cannot be recognised, all but these. Costs about what `any` does.

        Where there are such, they are known as they were half a second ago at most: the removal of the last entry that
        needs a key is felt within a second, in every worker.
        """

    def expire(self, at: float) -> Future[int]:
        """Delete entries that ended before a time; their number."""


class Persons(Protocol):
    """Where a person is. Ending what is queued is `Barrier.withdraw`, forgetting choices `Ledger.forget`."""

    def where(self, names: Collection[str]) -> Whereabouts:
        """The rows that name one of these pseudonyms. Reads the whole queue. Raises StorageError."""
