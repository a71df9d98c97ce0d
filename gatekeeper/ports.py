"""What the gate needs of the outside, and nothing more: where lines go, where deliveries are kept, who counts.

`runtime.py` puts the real ones there, tests put others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import Protocol

from gatekeeper.audit.lines import Line
from gatekeeper.storage.outbox import Arrival, Refusal


class Recorder(Protocol):
    """Where audit lines go; see `gatekeeper.audit.writer`."""

    def append(self, batch: Sequence[Line]) -> Future[None]:
        """Make lines durable. The future fails with AuditError."""

    def failing(self) -> bool:
        """Whether the last attempt to write failed."""


class Outbox(Protocol):
    """Where deliveries are kept; the part of `gatekeeper.storage.outbox.Outbox` that the gate needs."""

    def room(self, destination: str, count: int) -> bool:
        """Whether `count` more events can be kept for a destination."""

    def accept(self, arrivals: Sequence[Arrival]) -> Future[list[str]]:
        """Keep arrivals and have their lines written; done with the request ids when both are durable."""

    def sweep(self, refusals: Sequence[Refusal]) -> Future[int] | None:
        """End what was accepted before and is refused now; `None` where there is nothing of it."""


class Counting(Protocol):
    """What the gate tells `gatekeeper.metrics`."""

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
    """Nobody counts: tests and `explain`."""

    def decided(self, blocked: Iterable[tuple[str, str]]) -> None:
        """Nothing."""

    def timed(self) -> bool:
        """Never."""
        return False

    def took(self, seconds: float) -> None:
        """Nothing."""

    def refused(self, why: str) -> None:
        """Nothing."""

    def count_call(self, destination: str, decision: str) -> None:
        """Nothing."""

    def came_undeclared(self) -> None:
        """Nothing."""
