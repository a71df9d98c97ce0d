"""Gates at work in this process. What scripts, workers and hosts call: `start` and `flush`.

`process.py` is the one place where the pure stages meet the real clock, the disk and the network.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from gatekeeper import context
from gatekeeper.policy import Policy, load_policy
from gatekeeper.runtime.process import Runtime, runtimes
from gatekeeper.signals.cookies import Reader
from gatekeeper.storage.opening import open_store
from gatekeeper.storage.protocols import Opening
from gatekeeper.vendors.dialect import Dialect
from gatekeeper.vendors.kind import DestinationModule

__all__ = ["Runtime", "flush", "runtimes", "start"]


def flush(timeout: float = 5.0) -> bool:
    """Wait, at most `timeout` seconds, until all tracked events of this process are durable; return whether they are.

    For a process that ends in a way that lets nothing run: `os._exit`, an `exec`, a frozen serverless function. What is
    kept is delivered later, by whichever process delivers. `False`: the time was over, or something was refused since
    the last call.
    """
    end = time.monotonic() + timeout
    kept = [one.flush(max(0.0, end - time.monotonic())) for one in runtimes()]
    return all(kept)


def start(
    config: str | Path | Policy = "gatekeeper.toml",
    *,
    kinds: Iterable[DestinationModule] = (),
    readers: Iterable[Reader] = (),
    dialects: Iterable[Dialect] = (),
    store: Opening = open_store,
) -> Runtime:
    """Start the gate in a process that serves no app: a worker, a script. `track`, `load` and caught clients use it.

    `kinds`, `readers` and `dialects` are what you bring, as for `load_policy`. Raises ConfigError if the policy cannot
    be used.
    """
    runtime = Runtime(load_policy(config, kinds=kinds, readers=readers, dialects=dialects), store=store)
    context.install(runtime.gate)
    return runtime
