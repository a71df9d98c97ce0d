"""What the lanes of one deliverer share: the store, the way to vendors, the books of metrics, time and chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gatekeeper.delivery.permit import Permit
from gatekeeper.model import Answer, Outgoing
from gatekeeper.storage.protocols import Barrier, Queue


class Counting(Protocol):
    """What delivery tells `gatekeeper.runtime.metrics`."""

    def asked(self, destination: str, events: int, seconds: float) -> None:
        """A request to a vendor has ended."""


class Sending(Protocol):
    """What makes one request: `delivery.send.Sender`."""

    async def send(self, outgoing: Outgoing, due: float | None = None, permit: Permit | None = None) -> Answer:
        """The vendor's answer. Raises DeliveryError if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all lanes share."""

    queue: Queue
    barrier: Barrier
    sender: Sending
    metrics: Counting
    clock: Callable[[], float]
    chance: Callable[[], float]
