"""Requests sent while somebody waits for the answer: one pool per process, a bound per destination.

Unlike deliveries these run on the server's own loop, and are tried once: whoever made the call knows best
whether it may be repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

from gatekeeper.delivery.connection import GARBAGE, MAX_ANSWER
from gatekeeper.delivery.permit import Permit
from gatekeeper.delivery.send import Sender
from gatekeeper.errors import DeliveryError
from gatekeeper.model import Answer, Outgoing

BUSY = "busy"
TOO_LARGE = "answer_too_large"
Bounds = tuple[float, int]  # seconds for a call, calls under way to one destination


class Slots:
    """How many may be under way at once, and who is next."""

    def __init__(self, free: int) -> None:
        self.free = free
        self.waiting: deque[asyncio.Future[str]] = deque()

    def end(self) -> None:
        """One is through: the next one's turn, if there is one that still waits."""
        while self.waiting:
            first = self.waiting.popleft()
            if not first.done():
                first.set_result("")
                return
        self.free += 1


class DirectSender:
    """Sends calls. Their bounds come with each: seconds from waiting for a turn to the end of the answer, and how many
    may be under way to one destination. Calls under way keep theirs.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sender: Sender | None = None
        self._bounds: Bounds | None = None  # of the sender
        self._slots: dict[str, Slots] = {}

    @property
    def timeout(self) -> float:
        """How long the last calls may take, in seconds."""
        return 0.0 if self._bounds is None else self._bounds[0]

    async def send(self, destination: str, outgoing: Outgoing, bounds: Bounds, permit: Permit | None = None) -> Answer:
        """The vendor's answer. Raises DeliveryError with a short code if there is none.

        `busy`: no turn came within the timeout; `timeout`: the vendor did not answer in time; `unreachable`: there was
        no connection; `answer_too_large`: more than MAX_ANSWER bytes came; `no_answer`: not in HTTP; `withheld`: the
        `permit` said no; `internal_error`: it cannot be sent.
        """
        loop = asyncio.get_running_loop()
        sender = self._sender
        if sender is None or self._loop is not loop or self._bounds != bounds:
            sender = self._renew(loop, bounds)
        due = loop.time() + sender.timeout
        slots = self._slots.get(destination)
        if slots is None:
            slots = self._slots[destination] = Slots(bounds[1])
        if slots.free:
            slots.free -= 1
        else:
            await _turn(slots, sender, due)
        try:
            answer = await sender.send(outgoing, due, permit)
        finally:
            slots.end()
        if len(answer.body) >= MAX_ANSWER:
            raise DeliveryError(TOO_LARGE)
        if answer.status > 599:
            raise DeliveryError(GARBAGE)
        return answer

    async def close(self) -> None:
        """Close the pool; the next call opens it again."""
        sender, self._sender = self._sender, None
        if sender is not None:
            await sender.close()

    def _renew(self, loop: asyncio.AbstractEventLoop, bounds: Bounds) -> Sender:
        # A process has one server loop; tests and reloads may come with another one.
        if self._sender is not None:
            self._sender.retire()
        self._loop, self._bounds, self._slots = loop, bounds, {}
        self._sender = Sender(bounds[0])
        return self._sender


async def _turn(slots: Slots, sender: Sender, due: float) -> None:
    """Wait for one. Raises DeliveryError."""
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    slots.waiting.append(future)
    sender.deadlines.add(future, due)
    try:
        late = await future
    except asyncio.CancelledError:
        if future.done() and not future.cancelled() and not future.result():
            slots.end()  # it had its turn already
        raise
    finally:
        sender.deadlines.remove(future)
    if late:
        with contextlib.suppress(ValueError):
            slots.waiting.remove(future)
        raise DeliveryError(BUSY)
