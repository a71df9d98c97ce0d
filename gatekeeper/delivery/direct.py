"""Requests sent while a caller waits for the answer: one pool per process, a bound per destination.

Unlike deliveries these run on the server's own loop, and are tried once: the caller knows best whether the call may
be repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

from gatekeeper.delivery.connection import GARBAGE, MAX_ANSWER
from gatekeeper.delivery.permit import Permit
from gatekeeper.delivery.send import Sender
from gatekeeper.errors import DeliveryError
from gatekeeper.installation import forks
from gatekeeper.model import Answer, Outgoing
from gatekeeper.model.egress import Egress

BUSY = "busy"
TOO_LARGE = "answer_too_large"
Bounds = tuple[float, int]  # seconds for a call, calls under way to one destination


class Slots:
    """How many may be under way at once to one destination, and who is next.

    A quarter of the places is left to the operator's own servers (`ours`), and their calls wait before no other's:
    as many as may be under way may wait, of either class.
    """

    def __init__(self, most: int) -> None:
        self.free = self._most = most
        self._kept = most // 4
        self._waiting: dict[bool, deque[asyncio.Future[str]]] = {True: deque(), False: deque()}

    def may(self, *, ours: bool) -> bool:
        """Whether one more may go now."""
        return self.free > (0 if ours else self._kept)

    def room(self, *, ours: bool, coming: int = 0) -> bool:
        """Whether one more may go now or wait, beside those of its class that are `coming`."""
        places = max(0, self.free - (0 if ours else self._kept))
        return coming < places + self._most - len(self._waiting[ours])

    def wait(self, turn: asyncio.Future[str], *, ours: bool) -> None:
        """Let a call wait for its turn."""
        self._waiting[ours].append(turn)

    def leave(self, turn: asyncio.Future[str], *, ours: bool) -> None:
        """A call waits no longer."""
        with contextlib.suppress(ValueError):
            self._waiting[ours].remove(turn)

    def end(self) -> None:
        """One is through: the next one's turn, if there is one that still waits and may go."""
        self.free += 1
        for ours, waiting in self._waiting.items():
            while waiting and self.may(ours=ours):
                first = waiting.popleft()
                if not first.done():
                    self.free -= 1
                    first.set_result("")
                    return


class DirectSender:
    """Sends calls. Their bounds come with each: seconds from waiting for a turn to the end of the answer, and how many
    may be under way to one destination. Calls under way keep theirs.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self.sender: Sender | None = None
        self._bounds: Bounds | None = None  # of the sender
        self._egress: Egress | None = None
        self.slots: dict[str, Slots] = {}
        forks.register(self)

    def forked(self) -> None:
        """In a child: the pool and its loop are the parent's."""
        forks.leave_behind(self.sender, self.slots)
        self._loop, self.sender, self._bounds, self.slots = None, None, None, {}

    @property
    def timeout(self) -> float:
        """How long the last calls may take, in seconds."""
        return 0.0 if self._bounds is None else self._bounds[0]

    def room(self, destination: str, bounds: Bounds, *, ours: bool, coming: int = 0) -> bool:
        """Whether a call to a destination may go, or wait for its turn, as far as is known now.

        `coming` are calls of its class that were told so, and are being recorded.
        """
        slots = self.slots.get(destination)
        if slots is None or self._bounds != bounds:
            slots = Slots(bounds[1])
        return slots.room(ours=ours, coming=coming)

    async def send(
        self,
        destination: str,
        outgoing: Outgoing,
        bounds: Bounds,
        permit: Permit | None = None,
        *,
        ours: bool = True,
        egress: Egress | None = None,
    ) -> Answer:
        """The vendor's answer. Raises DeliveryError with a short code if there is none.

        `busy`: no turn came within the timeout; `timeout`: the vendor did not answer in time; `unreachable`: there was
        no connection; `answer_too_large`: more than MAX_ANSWER bytes came; `no_answer`: not in HTTP; `withheld`: the
        `permit` said no; `internal_error`: it cannot be sent.
        """
        loop = asyncio.get_running_loop()
        sender = self.sender
        if sender is None or self._loop is not loop or self._bounds != bounds or self._egress != egress:
            sender = self._renew(loop, bounds, egress)
        due = loop.time() + sender.timeout
        slots = self.slots.get(destination)
        if slots is None:
            slots = self.slots[destination] = Slots(bounds[1])
        if slots.may(ours=ours):
            slots.free -= 1
        else:
            await _turn(slots, sender, due, ours=ours)
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
        sender, self.sender = self.sender, None
        if sender is not None:
            await sender.close()

    def _renew(self, loop: asyncio.AbstractEventLoop, bounds: Bounds, egress: Egress | None) -> Sender:
        # A process has one server loop; tests and reloads may come with another one.
        if self.sender is not None:
            self.sender.retire()
        self._loop, self._bounds, self.slots = loop, bounds, {}
        self._egress = egress
        self.sender = Sender(bounds[0], egress)
        return self.sender


async def _turn(slots: Slots, sender: Sender, due: float, *, ours: bool) -> None:
    """Wait for one. Raises DeliveryError."""
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    slots.wait(future, ours=ours)
    sender.deadlines.add(future, due)
    try:
        late = await future
    except asyncio.CancelledError:
        if future.done() and not future.cancelled() and not future.result():
            slots.end()  # it had its turn already
        slots.leave(future, ours=ours)
        raise
    finally:
        sender.deadlines.remove(future)
    if late:
        slots.leave(future, ours=ours)
        raise DeliveryError(BUSY)
