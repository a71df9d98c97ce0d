"""This process among all that use one database: its lease, what it knows of withdrawals, and who must know of one.

    every 0.5 s, and at each notification     (1) renew the lease by the clock of the server, saying how far it knows
                                              (2) read what changed, in a statement of its own: it sees what was
                                                  committed before the lease was given
                                              (3) until the lease is over, by the local clock from before (1), may act
    a request is about to begin               takes a slot: only while the lease lasts, at what is known
    a withdrawal n                            is over when every process that has a lease says that it knows of n and
                                              holds no older slot, or when its lease has run out

So no clock of two machines is compared. One process of a machine knows no more of another than a process elsewhere.
A process that is frozen between its slot and the first byte is the limit of it: what it then writes is late.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Final

import psycopg

from gatekeeper.errors import StorageError
from gatekeeper.installation import forks
from gatekeeper.installation.forks import work
from gatekeeper.installation.threads import ended
from gatekeeper.model import Heard
from gatekeeper.storage.postgres.changes import Changes
from gatekeeper.storage.postgres.connecting import Connection, WentBack, close, connect, run, timeline, what
from gatekeeper.storage.postgres.joining import join
from gatekeeper.storage.postgres.node import Names
from gatekeeper.storage.postgres.passing import LEASE, MARGIN, Waiting
from gatekeeper.storage.protocols import Slot

RENEW: Final = 0.5  # seconds
LOOK: Final = 0.004  # seconds between two looks whether a withdrawal has been heard
FIRST: Final = 5.0  # seconds that the first use waits for a lease
CHANNEL: Final = "gatekeeper"
_log = logging.getLogger("gatekeeper")

_RENEW = """UPDATE process SET lease = clock_timestamp() + make_interval(secs => %s), applied = %s
    WHERE no = %s RETURNING no"""


class Members:
    """One process's part. Its thread and connection begin with the first use, after any fork."""

    first = FIRST  # seconds that the first use waits for a lease

    def __init__(
        self, url: str, me: Callable[[], Names], keys_checks: Sequence[str], failed: Callable[[str | None], None]
    ) -> None:
        self._url = url
        self._me = me
        self._keys_checks = frozenset(keys_checks)
        self._failed = failed
        self._begin()
        forks.register(self)

    def _begin(self) -> None:
        self._lock = threading.RLock()
        self._joined = threading.Condition(self._lock)
        self._thread: threading.Thread | None = None
        self._link: Connection | None = None
        self._wake: tuple[socket.socket, socket.socket] | None = None
        self._stopping = self._abandoned = False
        self._open: Counter[int] = Counter()  # requests about to begin, by generation
        self._waiting = Waiting(self._lock)
        self._changes = Changes(self._lock)
        self._number: int | None = None
        self._notified = False  # something changed
        self._timeline = ""  # of the server that the connection is to
        self.timeline = ""  # the highest of those that gave a lease or took a write
        self.until = 0.0  # of the lease, monotonic seconds

    def wrote(self, timeline: str) -> None:
        """A server took a write: one of a lower timeline is over, whichever server renewed the lease last."""
        if timeline > self.timeline:
            with self._lock:
                self.timeline = max(self.timeline, timeline)

    def forked(self) -> None:
        """In a child: it is another process, and joins with its first use."""
        forks.leave_behind(self._link, self._thread)
        self._begin()

    def start(self) -> None:
        """Join, if this process has not. Waits for the first lease, some seconds at most."""
        if self._thread is not None or self._abandoned:
            return
        with work, self._lock:
            if self._thread is None:
                self._stopping = False
                self._wake = socket.socketpair()
                for end in self._wake:
                    end.setblocking(False)
                    forks.keep(end)
                self._thread = threading.Thread(target=self._run, name="gatekeeper-lease", daemon=True)
                self._thread.start()
        with forks.aside(), self._lock:
            self._joined.wait_for(lambda: self._number is not None, self.first)

    def number(self) -> int:
        """Under which this process is known. Raises StorageError where it is not."""
        self.start()
        number = self._number
        if number is None:
            raise StorageError("the database cannot be reached: this process has no lease")
        return number

    def left(self) -> None:
        """Say that another process has found this one to be gone: it joins again, under another number."""
        with self._lock:
            self._number = None
        self._rouse()
        with forks.aside(), self._lock:
            self._joined.wait_for(lambda: self._number is not None, self.first)

    @property
    def valid(self) -> bool:
        """Whether this process may act on what it knows."""
        return time.monotonic() < self.until

    def enter(self) -> Slot | None:
        """Say that a request is about to begin; `None` if none may."""
        self.start()
        with work, self._lock:
            if not self.valid:
                return None
            generation = self.generation
            self._open[generation] += 1
            return Slot(generation, generation)

    def leave(self, slot: Slot) -> None:
        """Say that it has begun, or will not."""
        with work, self._lock:
            self._open[slot.number] -= 1
            if self._open[slot.number] <= 0:
                del self._open[slot.number]
            waited_for = slot.number < self.generation
        if waited_for:
            self._rouse()

    @property
    def generation(self) -> int:
        """How many withdrawals this process knows of."""
        return self._changes.generation

    @property
    def suppressed(self) -> int:
        """The last commit that suppressed a person; known no later than its generation."""
        return self._changes.suppressed

    def changes(self, names: Iterable[str]) -> tuple[tuple[int, int], ...]:
        """Where the changes of these pseudonyms stand, and which the last was."""
        return self._changes.of(names)

    def unchanged(self, seen: Iterable[tuple[int, int]]) -> bool:
        """Whether this process may act, and knows of no change since."""
        return self.valid and self._changes.same(seen)

    def publish(self, generation: int, people: Iterable[int], *, suppresses: bool) -> None:
        """Let this process know of its own commit, from the moment that it is one."""
        self._changes.publish(generation, people, suppresses=suppresses)
        self._rouse()

    def passed(self, generation: int) -> Future[Heard]:
        """Done when no request can begin that does not know of this generation; NOT_YET after five seconds."""
        self.start()
        done = self._waiting.add(generation)
        self._rouse()
        return done

    def abandon(self) -> None:
        """Stop for good, and keep the lease until it is over, as a killed process does: for tests."""
        self._stop()
        self._number, self._abandoned = None, True

    def close(self) -> None:
        """Give the lease back; the next use joins again."""
        number = self._number
        self._stop()
        if number is not None:
            with contextlib.suppress(psycopg.Error), contextlib.closing(connect(self._url)) as link:
                run(link, "DELETE FROM process WHERE no = %s", (number,))
        self._number = None

    def _stop(self) -> None:
        with self._lock:
            thread, self._thread = self._thread, None
            self._stopping = True
        if thread is not None:
            self._rouse()
            thread.join(10.0)
            ended(thread)
        self.until = 0.0
        if self._wake is not None:
            for end in self._wake:
                end.close()
            self._wake = None

    def _rouse(self) -> None:
        if self._wake is not None:
            with contextlib.suppress(OSError):
                self._wake[1].send(b"!")

    def _run(self) -> None:
        pause = 0.0
        while True:
            self._sleep(pause)
            if self._stopping:
                break
            with work:
                try:
                    self._round()
                    # One that came with an answer of this round is not waited for again.
                    pause = 0.0 if self._notified else LOOK if self._waiting else RENEW
                except (psycopg.Error, OSError) as error:
                    close(self._link)
                    self._link = None
                    self._failed(what(error))
                    if isinstance(error, WentBack):
                        self.until = 0.0
                    pause = LOOK * 10
                self._waiting.give_up()
        with work:
            close(self._link)
            self._link = None
            self._waiting.give_up(all_of_them=True)

    def _sleep(self, seconds: float) -> None:
        """Until something is to be done: a notification, another thread, or the time."""
        if not seconds or self._wake is None:
            return
        poll = select.poll()
        poll.register(self._wake[0], select.POLLIN)
        if self._link is not None:
            with contextlib.suppress(psycopg.Error):
                poll.register(self._link.fileno(), select.POLLIN)
        poll.poll(seconds * 1000)
        with contextlib.suppress(OSError):
            self._wake[0].recv(4_096)

    def _round(self) -> None:
        link = self._connected()
        number = self._number
        if number is None:
            number = join(link, self._me(), self._keys_checks)
        while True:
            self._notified = False
            began, applied = time.monotonic(), self._applied()
            if not run(link, _RENEW, (LEASE, applied, number)):  # another process has found it to be gone
                self._number = None
                return
            self._changes.read(link)
            with self._lock:
                self.until = 0.0 if self._stopping else began + LEASE - MARGIN
                self.timeline = max(self.timeline, self._timeline)
                if self._number != number:
                    self._number = number
                    self._joined.notify_all()
            if self._applied() == applied:
                break
        self._failed(None)
        self._waiting.look(link)

    def _heard(self, notify: psycopg.Notify) -> None:
        self._notified = True

    def _connected(self) -> Connection:
        if self._link is None:
            link = self._link = connect(self._url)
            link.add_notify_handler(self._heard)
            run(link, f"LISTEN {CHANNEL}")
            run(
                link,
                "UPDATE generation SET timeline = left(pg_walfile_name(pg_current_wal_lsn()), 8), "
                "since = clock_timestamp() WHERE timeline <> left(pg_walfile_name(pg_current_wal_lsn()), 8)",
            )
            self._timeline = timeline(link)
        return self._link

    def _applied(self) -> int:
        """How far this process knows, and holds no older slot."""
        with self._lock:
            return min([self.generation, *self._open])
