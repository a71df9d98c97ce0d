"""The gate audits the day before, once a night, in one process of all that share a log.

It works in a thread of its own, which rests most of the time: requests do not wait for it. The reports are imported
when they are needed, so that no start waits for them either. What it finds is a page, a metric, a record in the process
log, and, where what was done is not what the policy says, a line in the audit log.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from gatekeeper.audit.incident import incident_line
from gatekeeper.audit.segments import streams
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.errors import GatekeeperError
from gatekeeper.installation import forks
from gatekeeper.installation.locks import Lock
from gatekeeper.installation.threads import ended
from gatekeeper.outbound import tripwire, unlisted
from gatekeeper.policy import Policy

LOOK: Final = 60.0  # seconds between two looks whether it is time
AGAIN: Final = 3_600.0  # seconds after one that failed
SHARE: Final = 0.1  # of one processor's time
OFF: Final = "off"
_DAY: Final = 86_400
_PATIENCE: Final = 10.0  # seconds for the thread to give up
_LOCK: Final = ".lock"
_log = logging.getLogger("gatekeeper")


class Stopped(Exception):  # noqa: N818  # no error: the process ends
    """The gate is closed, and with it the self-audit given up."""


class Rest:
    """Called between pieces of work: rests so long that they take `share` of the time."""

    def __init__(self, stop: threading.Event, share: float = SHARE) -> None:
        self._stop = stop
        self._more = 1 / share - 1
        self._since = time.perf_counter()

    def __call__(self) -> None:
        """Rest. Raises Stopped."""
        worked = time.perf_counter() - self._since
        if self._stop.wait(worked * self._more):
            raise Stopped
        self._since = time.perf_counter()


class Nightly:
    """Looks once a minute whether it is time."""

    def __init__(
        self, policy: Callable[[], Policy], writer: AuditWriter, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._policy, self._writer, self._clock = policy, writer, clock
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._looked = time.monotonic()  # not at once: a short script has other things to do
        self._tried = float("-inf")
        forks.register(self)

    def forked(self) -> None:
        """In a child: the thread is its parent's."""
        self._thread, self._stop = None, threading.Event()

    def look(self) -> None:
        """Begin if it is time. Called about once a second."""
        now = time.monotonic()
        if now - self._looked < LOOK:
            return
        self._looked = now
        if (self._thread is None or not self._thread.is_alive()) and now - self._tried >= AGAIN and self.due():
            self._tried, self._stop = now, threading.Event()
            rest = Rest(self._stop)
            self._thread = threading.Thread(target=self.run, args=(rest,), name="gatekeeper-self-audit", daemon=True)
            self._thread.start()

    def due(self) -> bool:
        """Whether the time of the day has come, and the day before has lines and no page."""
        from gatekeeper.reports import self_audit

        policy, now = self._policy(), self._clock()
        at = policy.file.rights.self_audit
        if at == OFF or now % _DAY < int(at[:2]) * 3_600 + int(at[3:]) * 60:
            return False
        day = self_audit.yesterday(now)
        today = time.strftime("%Y%m%d", time.gmtime(now))
        begun = any(stream[:8] < today for stream in streams(policy.audit_folder))
        return begun and self_audit.kept(policy, day) is None

    def run(self, between: Callable[[], None]) -> None:
        """Audit the day before, unless another process is doing it or has done it. Raises nothing."""
        from gatekeeper.reports import self_audit
        from gatekeeper.reports.checks import Calls

        policy, now = self._policy(), self._clock()
        lock = Lock(self_audit.folder(policy) / _LOCK)
        try:
            if lock.take() and self.due():
                hosts, more = unlisted.counted()
                calls = Calls(hosts, more, dict(tripwire.seen))
                day = self_audit.yesterday(now)
                found = self_audit.self_audit(policy, day, now=now, calls=calls, between=between)
                if found.incidents:
                    self._writer.append([incident_line(day, found.incidents, self._clock())], signed=True).result(60.0)
                page = self_audit.keep(policy, found)
                self_audit.forget(policy, now)
                say = _log.error if found.incidents else _log.warning if found.findings else _log.info
                say("the self-audit of %s has %d findings: %s", day, found.findings, page)
        except Stopped:
            pass
        except (GatekeeperError, OSError, TimeoutError) as error:
            _log.error("the self-audit failed: %s", error)
        except Exception as error:  # noqa: BLE001  # the thread's end; it is tried again in an hour
            _log.error("the self-audit failed (%s)", type(error).__name__)
        finally:
            lock.release()

    def close(self) -> None:
        """Give up what is being done."""
        thread, self._thread = self._thread, None
        self._stop.set()
        if thread is not None:
            thread.join(_PATIENCE)
            ended(thread)
