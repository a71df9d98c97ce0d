"""A thread that looks now and then whether there is something to do, for as long as its process runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from gatekeeper.installation import forks
from gatekeeper.installation.threads import ended

PATIENCE: Final = 60.0  # seconds for a look that is under way when it ends
_log = logging.getLogger("gatekeeper")


class Looking:
    """Calls `look` every so many seconds, the first time after that time. A child of a fork has none before `start`.

    An error that `look` does not expect is logged and ends nothing: the next look comes all the same.
    """

    def __init__(self, name: str, look: Callable[[], None], every: float) -> None:
        self._name, self._look, self._every = name, look, every
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        forks.register(self)

    def forked(self) -> None:
        """In a child: the thread is its parent's."""
        self._thread, self._stop = None, threading.Event()

    @property
    def running(self) -> bool:
        """Whether it has begun."""
        return self._thread is not None

    def start(self) -> None:
        """Begin, if it has not begun."""
        if self._thread is None:
            self._stop = threading.Event()
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def stopped(self) -> bool:
        """Whether it is to end: a long look may end early."""
        return self._stop.is_set()

    def close(self) -> None:
        """End, after the look that is under way."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stop.set()
            thread.join(PATIENCE)
            ended(thread)

    def _run(self) -> None:
        stop = self._stop
        while not stop.wait(self._every):
            try:
                self._look()
            except Exception as error:  # noqa: BLE001  # whatever it is, what comes later must not wait for a restart
                _log.error("%s: %s; it is tried again", self._name, type(error).__name__)
