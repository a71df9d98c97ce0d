"""An event loop in a thread of its own, for a host that has none: begun with its first work, also in a forked child."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from gatekeeper.installation import forks
from gatekeeper.installation.forks import work

R = TypeVar("R")
LONGEST: Final = 120.0  # seconds for one piece of work: longer than any call to a vendor may take


class Loop:
    """Runs coroutines for threads that have no loop."""

    def __init__(self, longest: float = LONGEST) -> None:
        self._longest = longest
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        forks.register(self)

    def run(self, done: Coroutine[Any, Any, R]) -> R:
        """Its result, once it is there; raises what it raises, and TimeoutError if there is none in time."""
        future = asyncio.run_coroutine_threadsafe(done, self._running())
        try:
            return future.result(self._longest)
        except TimeoutError:
            future.cancel()
            raise

    def forked(self) -> None:
        """In a child: loop and thread are its parent's."""
        forks.leave_behind(self._loop)
        self._lock, self._loop = threading.Lock(), None

    def _running(self) -> asyncio.AbstractEventLoop:
        with work, self._lock:
            if self._loop is None:
                self._loop = forks.event_loop()
                name = "gatekeeper-endpoints"
                threading.Thread(target=_run, args=(self._loop,), name=name, daemon=True).start()
            return self._loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    with work:
        loop.run_forever()
