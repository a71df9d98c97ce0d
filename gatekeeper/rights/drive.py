"""The gate goes on with requests for erasure automatically: a thread that looks for what is due.

One process of all that share a store is at it at a time; the others find the lock taken. What fails is logged and
tried again a minute later.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from gatekeeper.audit.shared.machine import Machine
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.delivery.send import Sender
from gatekeeper.errors import GatekeeperError, RightsError
from gatekeeper.installation import forks
from gatekeeper.installation.looking import Looking
from gatekeeper.installation.ring import KeyRing
from gatekeeper.policy import Policy
from gatekeeper.rights.asking import Send
from gatekeeper.rights.erasures import Erasures
from gatekeeper.rights.progress import Opened, Progress
from gatekeeper.rights.requests import Ports
from gatekeeper.storage.protocols import Store

LOOK: Final = 2.0  # seconds between two looks for what is due: one query
TIDY: Final = 3_600.0  # seconds between two looks for what is over
TIMEOUT: Final = 30.0  # seconds for one request to a vendor: no caller waits for it
_log = logging.getLogger("gatekeeper")


def service(
    policy: Callable[[], Policy],
    ring: Callable[[], KeyRing],
    store: Store,
    writer: AuditWriter,
    clock: Callable[[], float] = time.time,
    machine: Machine | None = None,
) -> Erasures:
    """Requests for erasure, for the commands, the admin interface and the gate itself."""
    return Erasures(Ports(policy, ring, store, writer, clock, machine))


def sending(policy: Callable[[], Policy]) -> Opened:
    """The way to vendors: through the policy's proxy, with a patience of its own."""

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[Send]:
        """Connections for one pass."""
        async with Sender(TIMEOUT, policy().egress) as sender:
            yield sender.send

    return opened


class Driver:
    """The thread that goes on with requests whose next step is due."""

    def __init__(self, erasures: Erasures, *, every: float = LOOK) -> None:
        self.erasures = erasures
        self._progress = Progress(erasures, sending(erasures.ports.policy))
        self._tidied = time.monotonic()
        self._looking = Looking("gatekeeper-erasures", self.look, every)

    def start(self) -> None:
        """Begin, if it has not begun."""
        self._looking.start()

    def close(self) -> None:
        """End, after the step that is being taken."""
        self._looking.close()

    @forks.work
    def look(self) -> None:
        """Go on with what is due, and delete what is over."""
        ports = self.erasures.ports
        try:
            if ports.store.erasures.work(ports.clock()):
                self._progress.run()
            if time.monotonic() - self._tidied > TIDY:
                self._tidied = time.monotonic()
                self._progress.expire()
        except RightsError:  # another process is doing it
            return
        except (GatekeeperError, TimeoutError, asyncio.CancelledError) as error:
            _log.error("requests for erasure wait: %s", error or type(error).__name__)
