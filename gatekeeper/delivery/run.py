"""A run of the deliverer: from a start to an end in one process. Its loop is the host's own, or that of a thread."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping

from gatekeeper.delivery.lane import Lane
from gatekeeper.installation import forks

_log = logging.getLogger("gatekeeper")


class Run:
    """From a start to an end of delivery in one process: its loop, and what the loop looks at.

    `home` is a loop that runs already; without one, a thread runs a loop.
    """

    def __init__(self, home: asyncio.AbstractEventLoop | None) -> None:
        self.home = home
        self.loop = forks.event_loop() if home is None else home
        self.over = threading.Event()  # nothing of it is at work any more
        self.task: asyncio.Task[None] | None = None  # of the home loop
        self.stop = asyncio.Event()
        self.changed = asyncio.Event()  # the orders
        self.drain = 20.0  # seconds
        self.closing = False
        self.leading = False
        self.lanes: Mapping[str, Lane] = {}
        self.open: Mapping[str, Lane] = {}  # of those, the ones that begin requests

    def call(self, do: Callable[..., object], *what: object) -> bool:
        """Have something done by the loop; `False` if it has ended."""
        try:
            self.loop.call_soon_threadsafe(do, *what)
        except RuntimeError:
            return False
        return True

    def end(self, _: object = None) -> None:
        """It is over: the next event begins another one."""
        self.closing = True
        self.over.set()

    def ended(self, patience: float) -> bool:
        """Wait for its end, `patience` seconds at most; not where its loop runs, which would wait for itself."""
        if self.home is not None and (self.home.is_closed() or _here() is self.home):
            return self.home.is_closed() or self.over.is_set()
        if not self.over.wait(patience):
            _log.error("the deliverer has not ended in time")
        return self.over.is_set()


def _here() -> asyncio.AbstractEventLoop | None:
    """The loop that this thread runs."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
