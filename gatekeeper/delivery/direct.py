"""Requests sent while somebody waits for the answer: one pool per process, a bound per destination.

Unlike deliveries these run on the server's own loop, and are tried once: whoever made the call knows best
whether it may be repeated.
"""

from __future__ import annotations

import asyncio

from gatekeeper.delivery.send import MAX_ANSWER, Sender
from gatekeeper.errors import DeliveryError
from gatekeeper.model import Answer, Outgoing

BUSY = "busy"
TOO_LARGE = "answer_too_large"
SLOW = "timeout"
GARBAGE = "no_answer"


class DirectSender:
    """Sends calls. `timeout` (seconds) holds from waiting for a turn to the end of the answer."""

    def __init__(self, timeout: float, max_concurrent: int) -> None:
        self._timeout = timeout
        self._max_concurrent = max_concurrent
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sender: Sender | None = None
        self._turns: dict[str, asyncio.Semaphore] = {}

    async def send(self, destination: str, outgoing: Outgoing) -> Answer:
        """The vendor's answer. Raises DeliveryError with a short code if there is none.

        `busy`: no turn came within the timeout; `timeout`, `connect_timeout`: the vendor did not answer in
        time; `answer_too_large`: it did, with more than MAX_ANSWER bytes; `no_answer`: not in HTTP.
        """
        sender, turn = self._here(destination)
        waiting = True
        try:
            async with asyncio.timeout(self._timeout), turn:
                waiting = False
                answer = await sender.send(outgoing)
        except TimeoutError:
            raise DeliveryError(BUSY if waiting else SLOW) from None
        if len(answer.body) >= MAX_ANSWER:
            raise DeliveryError(TOO_LARGE)
        if not 200 <= answer.status <= 599:  # 101, for one: nobody asked for another protocol
            raise DeliveryError(GARBAGE)
        return answer

    def use(self, timeout: float, max_concurrent: int) -> None:
        """Other bounds, from the next call on; may be called from any thread. Calls under way keep theirs."""
        if (timeout, max_concurrent) != (self._timeout, self._max_concurrent):
            # The pool that is left behind ends with the last call that holds it.
            self._timeout, self._max_concurrent, self._loop = timeout, max_concurrent, None

    async def close(self) -> None:
        """Close the pool; the next call opens it anew."""
        sender, self._sender, self._loop = self._sender, None, None
        if sender is not None:
            await sender.close()

    def _here(self, destination: str) -> tuple[Sender, asyncio.Semaphore]:
        # A process has one server loop; tests and reloads may come with another one.
        loop = asyncio.get_running_loop()
        if self._sender is None or self._loop is not loop:
            self._loop, self._sender, self._turns = loop, Sender(self._timeout), {}
        turn = self._turns.get(destination)
        if turn is None:
            turn = self._turns[destination] = asyncio.Semaphore(self._max_concurrent)
        return self._sender, turn
