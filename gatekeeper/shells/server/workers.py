"""Several workers on one listening socket: a supervisor that forks them, restarts ended ones and passes on signals.

    SIGTERM, SIGINT   every worker drains and ends, then the supervisor
    SIGHUP            the policy is read again; one that cannot be used is refused before any worker sees it

The supervisor holds no thread, no connection and no event: it can be killed at any time. Its workers notice (the
pipe they share with it closes) and end as after SIGTERM. Any worker can be killed at any time: what it had accepted
is in the store, and another one becomes the deliverer.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable

from gatekeeper.errors import ConfigError
from gatekeeper.policy import Policy
from gatekeeper.runtime.metrics import MULTIPROCESS, forget_worker, share
from gatekeeper.runtime.wiring import reread

_LONG = 1.0  # seconds after which a worker counts as one that could start
_SLOWEST = 5.0  # seconds between two starts
_GRACE = 60.0  # seconds for draining, then SIGKILL
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_log = logging.getLogger("gatekeeper")


class Supervisor:
    """Keeps `count` workers at work. `work` is what a worker does, with the policy in force; it returns at its end."""

    def __init__(self, policy: Policy, work: Callable[[Policy], None], count: int) -> None:
        self._policy = policy
        self._work = work
        self._count = count
        self._started: dict[int, float] = {}  # by process id
        self._failures = 0
        self._due = 0.0
        self._alive = os.pipe()  # workers read from it: it ends when the supervisor does
        self._folder = tempfile.mkdtemp(prefix="gatekeeper-metrics-")

    def run(self) -> None:
        """Until told to stop, and every worker has ended."""
        os.environ[MULTIPROCESS] = self._folder
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            for _ in range(self._count):
                self._start()
            self._supervise()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            for end in self._alive:
                os.close(end)
            shutil.rmtree(self._folder, ignore_errors=True)
            del os.environ[MULTIPROCESS]

    def _supervise(self) -> None:
        deadline: float | None = None
        while self._started or deadline is None:
            got = signal.sigtimedwait(_SIGNALS, 0.1 if deadline or len(self._started) < self._count else 5.0)
            number = None if got is None else got.si_signo
            if number in (signal.SIGTERM, signal.SIGINT) and deadline is None:
                deadline = time.monotonic() + _GRACE
                self._pass_on(signal.SIGTERM)
            elif number == signal.SIGHUP and deadline is None:
                self._reload()
            self._reap()
            now = time.monotonic()
            if deadline is None and len(self._started) < self._count and now >= self._due:
                self._start()
            elif deadline is not None and now > deadline:
                self._pass_on(signal.SIGKILL)

    def _start(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        worker = os.fork()
        if worker == 0:
            self._be_a_worker()
        self._started[worker] = time.monotonic()

    def _be_a_worker(self) -> None:
        """The child: work, then end without running what belongs to the supervisor."""
        code = 1
        try:
            reading, writing = self._alive
            os.close(writing)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            share()
            threading.Thread(target=_outlive_nobody, args=(reading,), name="gatekeeper-parent", daemon=True).start()
            self._work(self._policy)
            code = 0
        except ConfigError as error:
            for problem in error.problems:
                _log.error("a worker cannot start: %s", problem)
        except BaseException as error:  # noqa: BLE001  # the traceback could hold a visitor's data
            _log.error("a worker failed (%s)", type(error).__name__)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        for worker in list(self._started):
            ended, status = os.waitpid(worker, os.WNOHANG)
            if ended == 0:
                continue
            lived = time.monotonic() - self._started.pop(worker)
            forget_worker(worker)
            self._failures = 0 if lived > _LONG else self._failures + 1
            self._due = time.monotonic() + (0.0 if not self._failures else min(_SLOWEST, 0.1 * 2**self._failures))
            code = os.waitstatus_to_exitcode(status)
            if code:
                _log.warning("worker %d ended (%s)", worker, f"signal {-code}" if code < 0 else f"exit code {code}")

    def _reload(self) -> None:
        try:
            self._policy = reread(self._policy)
        except ConfigError as error:
            for problem in error.problems:
                _log.error("the new policy is refused, the old one stays: %s", problem)
            return
        self._pass_on(signal.SIGHUP)

    def _pass_on(self, number: signal.Signals) -> None:
        for worker in self._started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, number)


def _outlive_nobody(reading: int) -> None:
    os.read(reading, 1)  # returns when the last writer, the supervisor, is gone
    os.kill(os.getpid(), signal.SIGTERM)
