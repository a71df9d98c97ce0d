"""Which processes the gate can work in. What cannot work is refused at start, in one sentence."""

from __future__ import annotations

import asyncio
import sys

from gatekeeper.errors import ConfigError


def refuse_green_threads() -> None:
    """Raise ConfigError where gevent or eventlet has taken the place of threads.

    Delivery, the store and the endpoints have threads with event loops of their own. As greenlets they would all run in
    one thread, in which there can be one event loop: the second one to start hangs, and its callers with it.
    """
    for package, module, question, name in (
        ("gevent", "gevent.monkey", "is_module_patched", "threading"),
        ("eventlet", "eventlet.patcher", "is_monkey_patched", "thread"),
    ):
        patcher = sys.modules.get(module)
        if patcher is not None and getattr(patcher, question)(name):
            raise ConfigError(
                f"{package} has replaced this process's threads, and the gate needs real ones; use workers with "
                "threads (gunicorn -k gthread), or run the gate as a sidecar"
            )


def needs_asyncio() -> None:
    """Raise ConfigError in a coroutine that no asyncio loop runs: the gate waits by asyncio."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigError(
            "this server runs the app without asyncio (trio); run it with asyncio (hypercorn -k asyncio), or run the "
            "gate as a sidecar"
        ) from None
