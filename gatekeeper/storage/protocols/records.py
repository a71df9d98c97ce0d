"""Audit lines between a store and the log: those it keeps, and what it asks of the log's writer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Protocol

from gatekeeper.audit.lines import Line
from gatekeeper.audit.segments import Head

Missing = Callable[[Sequence[Line], float], list[Line]]


class Records(Protocol):
    """Audit lines in the store. `accept` and `settle` keep them; the log takes them from there."""

    def kept(self) -> int:
        """How many commits' lines the log does not have yet, as far as the store was told. Raises StorageError."""

    def adopt(self) -> Future[int]:
        """Have the lines written that ended processes kept and could not write, and let their rows go; their commits.

        No row can be claimed before its own line is written.
        """


class Recording(Protocol):
    """The part of the audit log's writer that a store needs."""

    def append(self, batch: list[Line]) -> Future[Head | None]:
        """Make audit lines durable; done when they are."""
