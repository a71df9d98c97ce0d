"""Work that takes longer than an event loop may be kept for: one thread for it, and a queue that has an end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from gatekeeper.errors import EventError
from gatekeeper.installation import forks
from gatekeeper.scrub.meter import Heavy

R = TypeVar("R")
WAITING: Final = 64  # requests that wait for the thread; further ones are told to come back
SHARE: Final = 16  # of them, from one network


class Beside:
    """The thread, which begins with the first work. A second one would only take the interpreter from the first."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: Counter[bytes | None] = Counter()  # by network; `None` for those that are not known
        forks.register(self)

    def forked(self) -> None:
        """In a child: the thread, and those who wait for it, are its parent's."""
        forks.leave_behind(self._pool)
        self._pool, self._waiting = None, Counter()

    async def run(self, do: Callable[[], R], network: bytes | None = None) -> R:
        """What `do` returns or raises, done in the thread. Raises EventError (503) where too many wait for it.

        `network` is whose request it is: one network does not take all of the places.
        """
        waiting = self._waiting
        if waiting.total() >= WAITING or (network is not None and waiting[network] >= SHARE):
            raise EventError(503, "too much is being worked on", detail="try again in a few seconds")
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, "gatekeeper-beside")
        waiting[network] += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, forks.work(do))
        finally:
            waiting[network] -= 1
            if not waiting[network]:
                del waiting[network]

    async def decide(self, do: Callable[..., R], network: Callable[[], bytes | None], *, brief: bool) -> R:
        """What `do` returns or raises: where `brief`, on the loop, and in the thread if that turns out Heavy.

        `network` says whose request it is, for `run`.
        """
        if brief:
            try:
                return do(brief=True)
            except Heavy:
                pass
        return await self.run(lambda: do(brief=False), network())

    def close(self) -> None:
        """End the thread, after what waits for it; another one begins with the next work."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()
