"""The ledger of a gate without a store, as `explain` makes one: nothing is known, and nothing can be written."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import Future

from gatekeeper.errors import StorageError
from gatekeeper.model import Choice, Notice, Recorded, Voice
from gatekeeper.model.choice import Row, Subject
from gatekeeper.storage.protocols import Look

_WHY = "there is no ledger here"


class Unledgered:
    """See `protocols.Ledger`."""

    def choices(self, subjects: Sequence[Subject]) -> Look:
        """Nothing of anybody."""
        return Look(tuple([Voice() for _ in subjects]), None)

    def still(self, seen: Hashable) -> bool:
        """Nothing is ever recorded."""
        return True

    def record(self, choice: Choice, reasons: Mapping[str, str]) -> Future[Recorded]:
        """Fail: nothing is recorded."""
        return _failed()

    def keep(self, notice: Notice) -> Future[None]:
        """Fail: nothing is kept."""
        return _failed()

    def notice(self, digest: str) -> Notice | None:
        """None is known."""
        return None

    def history(self, subjects: Sequence[Subject]) -> list[Row]:
        """None has one."""
        return []

    def find(self, receipt: str) -> Row | None:
        """None is known."""
        return None

    def forget(self, subjects: Sequence[Subject]) -> Future[int]:
        """Fail: nothing can be removed."""
        return _failed()


def _failed() -> Future:  # type: ignore[type-arg]  # a result of any type, which never comes
    done: Future[None] = Future()
    done.set_exception(StorageError(_WHY))
    return done
