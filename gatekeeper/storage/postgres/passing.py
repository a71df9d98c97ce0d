"""Withdrawals that wait until every process of every machine knows of them, or its lease is over."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import Final

from gatekeeper.model import Heard
from gatekeeper.storage.postgres.connecting import Connection, run

LEASE: Final = 2.0  # seconds
MARGIN: Final = 0.2  # seconds by which a process stops before its lease is over, and another waits longer
HEARD_WITHIN: Final = 5.0  # seconds that a withdrawal waits for processes that answer the database and not this
# Who has to be waited for. After a failover the new server's clock may be ahead: leases count from when it took over.
_BEHIND = """SELECT no, lease + make_interval(secs => %s) > clock_timestamp()
        OR (SELECT since + make_interval(secs => %s) FROM generation) > clock_timestamp()
    FROM process WHERE applied < %s"""


class Passing:
    """One that waits."""

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.done: Future[Heard] = Future()
        self.done.set_running_or_notify_cancel()
        self.until = time.monotonic() + HEARD_WITHIN
        self.behind: set[int] = set()  # processes that were waited for


class Waiting:
    """All of one process. `lock` is that process's."""

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._passing: list[Passing] = []

    def __bool__(self) -> bool:
        return bool(self._passing)

    def add(self, generation: int) -> Future[Heard]:
        """Done when no request can begin that does not know of this generation; NOT_YET after five seconds."""
        passing = Passing(generation)
        with self._lock:
            self._passing.append(passing)
        return passing.done

    def look(self, link: Connection) -> None:
        """Answer those that all know of."""
        for passing in list(self._passing):
            behind = dict(run(link, _BEHIND, (MARGIN, 2 * LEASE, passing.generation)))
            passing.behind |= {number for number, lives in behind.items() if lives}
            if not any(behind.values()):
                silent = passing.behind & behind.keys()
                self._answer(passing, Heard.EXPIRED if silent else Heard.HEARD)

    def give_up(self, *, all_of_them: bool = False) -> None:
        """Answer those that have waited for too long."""
        now = time.monotonic()
        for passing in list(self._passing):
            if all_of_them or now > passing.until:
                self._answer(passing, Heard.NOT_YET)

    def _answer(self, passing: Passing, heard: Heard) -> None:
        with self._lock:
            self._passing.remove(passing)
        passing.done.set_result(heard)
