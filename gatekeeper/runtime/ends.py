"""The ends of a process that run no `atexit`: what was tracked is kept, and the log's stream is closed and signed.

    os._exit            an RQ work horse, the child of a multiprocessing fork, a worker of Celery's pool
    SIGTERM             where the app leaves it to the system: the process ends by the signal all the same

Both take `PATIENCE` seconds at most, and no time where nothing was tracked. SIGKILL and a power cut end a process at
once: what was not kept yet, some milliseconds of events, is lost, and `flush` is the way to know that none is.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final, NoReturn

PATIENCE: Final = 2.0  # seconds for what was tracked to be kept, and as many for requests under way
_closing: list[Callable[[], None]] = []
_exit: Final = os._exit


def watch(close: Callable[[], None]) -> None:
    """Have `close` called, in a thread of its own, at such an end of this process or of a child."""
    if not _closing:
        os._exit = _leave
    _closing[:] = [close]
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminated)


def _leave(status: int) -> NoReturn:
    try:
        _close()
    finally:
        _exit(status)


def _terminated(number: int, frame: FrameType | None) -> None:
    """End by the signal, as without the gate, a little later."""
    signal.signal(number, signal.SIG_DFL)
    try:
        _close()
    finally:
        os.kill(os.getpid(), number)


def _close() -> None:
    """In another thread: this one may hold a lock that it needs, and be in the middle of anything."""
    for close in _closing:
        thread = threading.Thread(target=close, name="gatekeeper-end", daemon=True)
        thread.start()
        thread.join(3 * PATIENCE)
