"""What the operator asks of a store: deliveries that could not be made."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol

from gatekeeper.storage.outbox import DeadLetter


class DeadLetters(Protocol):
    """The operator's side. Ids are text that the operator can copy."""

    def page(self, destination: str | None = None, limit: int = 1_000) -> list[DeadLetter]:
        """The newest dead letters. Raises StorageError."""

    def retry(self, ids: Sequence[str]) -> Future[int]:
        """Queue dead letters again; each counts as accepted once more. The number of those that were there."""

    def purge(self, ids: Sequence[str]) -> Future[int]:
        """Delete dead letters for good. The number of those that were there."""
