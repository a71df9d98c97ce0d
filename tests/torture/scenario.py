"""What a child process does: accept and deliver for a while (`drive`), or go on after a crash (`recover`).

The product's own runtime, gate, store, log and deliverer; only the HTTP server in front is left out. What it has
promised it says with one `write` per promise, so that a kill leaves no half of one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import orjson

from gatekeeper.__main__ import main
from gatekeeper.audit import files
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.errors import GatekeeperError
from gatekeeper.gate import incoming
from gatekeeper.installation import disk
from gatekeeper.model import Caller
from gatekeeper.runtime import Runtime
from tests.torture import bugs

POLICY = """
[policy]
version = "1"
controller = "Example Shop GmbH"
[audit]
path = "audit"
[keys]
path = "keys"
[storage]
url = "sqlite:///gatekeeper.db"
[delivery]
timeout = "5s"
[destinations.own]
kind = "first_party"
endpoint = "{endpoint}"
"""
CALLER = Caller(address="127.0.0.1")


class Saying:
    """Appends JSON lines to a file, each in one write; tries again if that is the write that is to fail."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def __call__(self, **what: Any) -> None:
        for _ in range(5):
            with contextlib.suppress(OSError):
                os.write(self._descriptor, orjson.dumps(what) + b"\n")
                return


def event(event_id: str | None) -> dict[str, Any]:
    """One that is permitted."""
    given = {} if event_id is None else {"event_id": event_id}
    return {"event": "page_view", "consent": {"analytics": True}, "data": {"session_id": "s_1"}, **given}


def drive(order: dict[str, Any], say: Saying) -> None:
    """Post batches of events, wait for their 202s, repeat one event of each; then drain."""
    if "unsynced" in order:
        _die_unsynced(order["unsynced"])
    if "log_fails" in order:
        _fail_writes(order["log_fails"])
    if "die_between" in order:
        AuditWriter._write = lambda self, lines: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
    runtime = Runtime(Path(order["folder"]) / "gatekeeper.toml")
    runtime._deliverer._chance = lambda: 0.0
    runtime.start()
    for n in range(order["batches"]):
        names = [f"{order['name']}-{n}-{i}" for i in range(order["events"])]
        for given in ([*names, None], [None], names[:1]):
            _post(runtime, given, say)
        if order.get("apart"):
            _until_idle(runtime, 5.0)
    if order.get("drain", True) and _until_idle(runtime, 5.0):
        _books(runtime, say)
    runtime.close()
    say(closed=True)


def _post(runtime: Runtime, names: list[str | None], say: Saying) -> None:
    posted = incoming.parse(orjson.dumps([event(name) for name in names]))
    say(posted=[name for name in names if name is not None])
    try:
        _, done = runtime.gate.take(posted, CALLER)
        answered = done.result(10.0).request_ids
    except (GatekeeperError, TimeoutError) as error:
        say(refused=names, why=type(error).__name__)
        return
    for name, request_id in zip(names, answered, strict=True):
        say(accepted=name or request_id, request_id=request_id)


def _die_unsynced(n: int) -> None:
    """Be killed between the n-th write of decisions and its sync: a tracer can only kill before a call."""
    real, left = os.fdatasync, [n]

    def fdatasync(descriptor: int) -> None:
        left[0] -= b'"kind":"decision"' in Path(f"/proc/self/fd/{descriptor}").read_bytes()
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        real(descriptor)

    disk.os = bugs.Changed(fdatasync=fdatasync)  # type: ignore[assignment]


def _fail_writes(n: int) -> None:
    """The log's disk is full at its n-th write, once."""
    left = [n]

    def write(descriptor: int, data: bytes) -> int:
        left[0] -= 1
        if left[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return os.write(descriptor, data)

    files.os = bugs.Changed(write=write)  # type: ignore[assignment]


def recover(order: dict[str, Any], say: Saying) -> None:
    """Start on what a crash left; deliver until nothing is queued; say the books."""
    started = time.monotonic()
    runtime = Runtime(Path(order["folder"]) / "gatekeeper.toml")
    runtime._deliverer._chance = lambda: 0.0
    runtime.start()
    _until_idle(runtime, order.get("seconds", 15.0))
    _books(runtime, say)
    say(recovered=time.monotonic() - started)
    runtime.close()


def serve(order: dict[str, Any], say: Saying) -> None:
    """`gatekeeper serve`, as the command line begins it."""
    sys.argv = ["gatekeeper", "serve", "-c", str(Path(order["folder"]) / "gatekeeper.toml")]
    sys.argv += ["--port", str(order["port"]), "--workers", str(order["workers"])]
    main()


def _books(runtime: Runtime, say: Saying) -> None:
    names = ("accepted", "queued", "delivered", "dead", "expired", "cancelled")
    with contextlib.suppress(GatekeeperError):
        count = runtime.store.books.count().get("own")
        say(books={name: 0 if count is None else getattr(count, name) for name in names})


def _until_idle(runtime: Runtime, seconds: float) -> bool:
    """Whether nothing is queued any more; it is looked at from outside, as `readyz` and a scrape do."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(GatekeeperError):
            if runtime._deliverer.leading and runtime.idle():
                return True
        time.sleep(0.005)
    return False


SCENARIOS = {"drive": drive, "recover": recover, "serve": serve}
