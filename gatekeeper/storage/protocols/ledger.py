"""What those who take and read choices ask of a store: what visitors chose."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from gatekeeper.model import Choice, Notice, Recorded, Voice
from gatekeeper.model.choice import Counted, Row, Subject


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
        same display that is the newest row already is answered with that row. What a recorded choice grants lifts
        the entries in `Choice.lifts` of persons who were erased before it. Fails with StorageError; then nothing was
        recorded.
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

    def count(self, since: float, until: float, step: float) -> list[Counted]:
        """How often which choices were made from `since` on and before `until`, in steps of so many seconds.

        Those of persons who were forgotten are counted, too. Raises StorageError.
        """

    def forget(self, subjects: Sequence[Subject]) -> Future[int]:
        """Remove the link from these pseudonyms to their rows, and evidence; the number of rows without a person now.

        Rows stay: they say nothing of a person.
        """

    def expire(self, before: float, limit: int = 5_000) -> Future[int]:
        """Delete what is not needed any more, at most `limit` rows; the number of rows that are gone.

        Those of persons whose newest row was chosen before that time, with their names, links and evidence; rows that
        have no person any more and are older; and words that no row needs.
        """
