"""What the gate needs of the outside, and nothing more: where lines go, and what counts.

Where deliveries are kept is `storage.protocols.Intake`. `runtime.py` puts the real ones there, tests put others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import Protocol

from gatekeeper.audit.lines import Line
from gatekeeper.audit.segments import Head


class Recorder(Protocol):
    """Where audit lines go; see `gatekeeper.audit.writer`."""

    def append(self, batch: Sequence[Line]) -> Future[Head | None]:
        """Make lines durable. The future fails with AuditError."""

    def put(self, batch: Sequence[Line]) -> None:
        """Write lines that no caller waits for; they are durable a little later."""

    def failing(self) -> bool:
        """Whether the last attempt to write failed."""


class Counting(Protocol):
    """What the gate tells `gatekeeper.runtime.metrics`."""

    def decided(self, blocked: Iterable[tuple[str, str]]) -> None:
        """An event was decided; `blocked` are (destination, reason)."""

    def timed(self) -> bool:
        """Whether the next decision's time is wanted."""

    def took(self, seconds: float) -> None:
        """How long it took."""

    def refused(self, why: str) -> None:
        """Events were answered 503."""

    def count_call(self, destination: str, decision: str) -> None:
        """A call was decided: `sent`, or why it was blocked."""

    def came_undeclared(self) -> None:
        """A request came through a proxy that the policy does not declare."""


class Uncounted:
    """Counts nothing and times nothing: for tests and `explain`."""

    def decided(self, blocked: Iterable[tuple[str, str]]) -> None:
        """Do not count the blocked deliveries of an event."""

    def timed(self) -> bool:
        """Ask for no decision's time."""
        return False

    def took(self, seconds: float) -> None:
        """Do not keep how long a decision took."""

    def refused(self, why: str) -> None:
        """Do not count events that were answered 503."""

    def count_call(self, destination: str, decision: str) -> None:
        """Do not count a call."""

    def came_undeclared(self) -> None:
        """Do not count a proxy that the policy does not declare."""
