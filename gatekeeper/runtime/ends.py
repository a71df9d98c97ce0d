"""The ends of a process that run no `atexit`: what was tracked is kept, and the log's stream is closed and signed.

    os._exit            an RQ work horse, the child of a multiprocessing fork, a worker of Celery's pool
    SIGTERM             where the app leaves it to the system: the process ends by the signal all the same
    SIGTERM, again      to a worker of Celery's pool, which leaves the second one to the system

All take `PATIENCE` seconds at most, and no time where nothing was tracked; a SIGTERM meanwhile does not end that.
SIGKILL and a power cut end a process at once: what was not kept yet, some milliseconds of events, is lost, and `flush`
is the way to know that none is.
"""

from __future__ import annotations

import _thread
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final, NoReturn

PATIENCE: Final = 2.0  # seconds for what was tracked to be kept, and as many for requests under way
_UNWINDS: Final = "billiard.common"  # whose SIGTERM unwinds the process once, while the system has the next one
_closing: list[Callable[[], None]] = []
_ending: dict[
    int, _thread.LockType
] = {}  # process -> free when its gates are closed: one end comes in the middle of another
_exit: Final = os._exit


def watch(close: Callable[[], None]) -> None:
    """Have `close` called, in a thread of its own, at such an end of this process or of a child."""
    if not _closing:
        os._exit = _leave
    _closing[:] = [close]
    mind()


def mind() -> None:
    """See to SIGTERM in this process, where the app leaves it to the system; in the main thread only.

    To be called again in a child: a pool of processes sets its signals after the fork.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    there = signal.getsignal(signal.SIGTERM)
    if there is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminated)
    elif callable(there) and getattr(there, "__module__", None) == _UNWINDS:
        signal.signal(signal.SIGTERM, _unwinding(there))


def _unwinding(there: Callable[[int, FrameType | None], Any]) -> Callable[[int, FrameType | None], None]:
    """The same, after which the next SIGTERM is ours: Celery's cold shutdown sends one for a task, one for the pool."""

    def unwind(number: int, frame: FrameType | None) -> None:
        try:
            there(number, frame)
        finally:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _terminated)

    return unwind


def _leave(status: int) -> NoReturn:
    try:
        _close()
    finally:
        _exit(status)


def _terminated(number: int, frame: FrameType | None) -> None:
    """End by the signal, as without the gate, a little later; where the process ends already, go on with that."""
    if os.getpid() in _ending:
        return
    try:
        _close()
    finally:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _close() -> None:
    """In another thread: this one may hold a lock that it needs, and be in the middle of anything.

    So the thread is a bare one: `threading` has a lock of its own for each start. An end that comes in the middle of
    another one waits for the same thread.
    """
    me = os.getpid()
    done = _ending.get(me)
    if done is None and _closing:
        done = _thread.allocate_lock()
        done.acquire()
        _ending.clear()  # of a parent
        _ending[me] = done
        _thread.start_new_thread(_run, (_closing[0], done))
    if done is not None and done.acquire(timeout=3 * PATIENCE):
        done.release()


def _run(close: Callable[[], None], done: _thread.LockType) -> None:
    try:
        close()
    finally:
        done.release()
