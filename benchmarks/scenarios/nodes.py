"""An event to four destinations, kept on one machine or on two: SQLite beside PostgreSQL with a standby, in one run.

The gates of a contestant share one core where there are two; each has its own where there are more. The servers are not
pinned. What CPU they use is told apart from the gates'.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from gatekeeper.installation import keys

from .. import gates, postgres, samples, visitors
from ..machine import cores, free_port
from ..process import Process, running
from ..shape import Scenario, Served, Stage
from .collect import _delivers


@contextlib.contextmanager
def _gates(count: int, stage: Stage) -> Iterator[Process]:
    """So many gates on one pair of servers, as on as many machines."""
    with contextlib.ExitStack() as stack:
        servers = stack.enter_context(postgres.pair())
        folder = Path(tempfile.mkdtemp(prefix="nodes-", dir=stage.folder))
        keys.load(folder / "shared")  # the same for all: they name visitors alike
        found = []
        free = [core for core in cores() if core != stage.load_core] or [stage.core]
        for number in range(count):
            own = folder / str(number)
            own.mkdir()
            tables = samples.policy(stage.vendor_port)
            tables["storage"] = {"url": servers.url, "copies": 2}
            tables["keys"] = {"path": str(folder / "shared")}
            config = samples.write_policy(own / "gatekeeper.toml", tables)
            port = free_port()
            command = [sys.executable, "-m", "gatekeeper", "serve", "--config", str(config), "--port", str(port)]
            core = free[number % len(free)]
            found.append(stack.enter_context(running(command, port, folder=own, core=core, environ=dict(os.environ))))
        yield Process(
            found[0].pid, found[0].port, tuple(one.pid for one in found[1:]), tuple(one.port for one in found[1:]),
            servers.pids,
        )  # fmt: skip


_DAY = visitors.many("/gk/collect", visitors.event)


def _on_postgres(count: int, words: str, *, thorough: bool = False) -> Served:
    return Served(
        f"gatekeeper, PostgreSQL, {words}", partial(_gates, count), _delivers, _DAY, "two copies before the 202",
        postgres.missing, events=4, thorough=thorough,
    )  # fmt: skip


SCENARIO = Scenario(
    "nodes",
    "an event of one of 800 visitors to four destinations, kept on one machine or two",
    (
        Served("gatekeeper, SQLite", gates.sidecar, _delivers, _DAY, "one disk", events=4),
        _on_postgres(1, "one gate"),
        _on_postgres(2, "two gates"),
        _on_postgres(4, "four gates", thorough=True),
    ),
    rate=100.0,
    needs_vendor=True,
)  # fmt: skip
