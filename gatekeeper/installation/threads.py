"""Threads of ours that should have ended."""

from __future__ import annotations

import logging
import threading

_log = logging.getLogger("gatekeeper")


def ended(thread: threading.Thread) -> bool:
    """Whether a thread that was joined has ended; one that has not is logged."""
    if thread.is_alive():
        _log.error("the thread %s has not ended in time", thread.name)
    return not thread.is_alive()
