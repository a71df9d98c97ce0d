"""This machine's part in a log over several, done by one thread of one process, every few seconds.

What fails is said once, shown as a metric and in `readyz`, and tried again; no event waits for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from gatekeeper.audit.shared.machine import Machine
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.errors import GatekeeperError
from gatekeeper.installation import forks
from gatekeeper.installation.threads import ended
from gatekeeper.rights.local import as_others_wish

EVERY: Final = 2.0  # seconds
_PATIENCE: Final = 60.0  # seconds for an archive that does not answer, when the gate is closed
_log = logging.getLogger("gatekeeper")


class Shipping:
    """The thread. `machine` is `None` where the log is one machine's: then there is none."""

    def __init__(self, machine: Machine | None, folder: Path, writer: AuditWriter, *, every: float = EVERY) -> None:
        self._machine = machine
        self._cut = partial(as_others_wish, folder, writer)
        self._every = every
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.failure: str | None = None
        forks.register(self)

    def forked(self) -> None:
        """In a child: the thread is its parent's."""
        self._thread, self._stop = None, threading.Event()

    @property
    def behind(self) -> float:
        """Seconds that the oldest closed segment has waited for the archive, where this process puts them there."""
        return 0.0 if self._machine is None else self._machine.behind

    def start(self) -> None:
        """Begin, if it has not begun."""
        if self._machine is not None and self._thread is None:
            self._stop = threading.Event()
            look = partial(self._run, self._stop, self._machine)
            self._thread = threading.Thread(target=look, name="gatekeeper-shipping", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End, after the round that is under way: another process may go on."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stop.set()
            thread.join(_PATIENCE)
            ended(thread)

    def _run(self, stop: threading.Event, machine: Machine) -> None:
        while not stop.wait(self._every):
            self.look(machine)
        machine.leave()

    def look(self, machine: Machine) -> None:
        """One round."""
        self._try(lambda: machine.round(self._cut))

    def last(self) -> None:
        """Put the log's end into the archive, after the log was closed: this machine may not come back."""
        if self._machine is not None:
            self._try(self._machine.last)

    def _try(self, do: Callable[[], object]) -> None:
        try:
            do()
        except (GatekeeperError, TimeoutError, OSError) as error:
            if self.failure is None:
                _log.error("the log's part on other machines waits: %s", error or type(error).__name__)
            self.failure = str(error) or type(error).__name__
        else:
            if self.failure is not None:
                _log.info("the log's part on other machines goes on")
            self.failure = None
