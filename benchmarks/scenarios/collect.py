"""One event to four destinations through `/gk/collect`, beside collectors that keep nothing."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from functools import partial

from .. import checks, gates, samples
from ..contestants.installed import node, node_module, npm_missing, python_module
from ..machine import free_port
from ..process import ROOM, Process, running
from ..shape import Scenario, Served, Stage

_EACH = dict.fromkeys(samples.DESTINATIONS, 1)
_GRANTED = samples.post("/gk/collect", samples.event())
_DENIED = samples.post("/gk/collect", samples.event(granted=False), granted=False)


def _delivers(process: Process, stage: Stage) -> None:
    """A granted event arrives at four vendors, filtered; a refused one at none."""
    assert stage.vendor is not None
    checks.nothing_arrives(process, stage.vendor, _DENIED, _GRANTED, _EACH)


@contextlib.contextmanager
def _fan_out(stage: Stage) -> Iterator[Process]:
    port = free_port()
    command = [sys.executable, "-m", f"{ROOM}.contestants.fan_out", str(port), str(stage.vendor_port)]
    with running(command, port, folder=stage.folder, core=stage.core) as process:
        yield process


@contextlib.contextmanager
def _walkeros(stage: Stage) -> Iterator[Process]:
    port = free_port()
    script, environ = node_module("walkeros.mjs", stage.folder)
    command = [node(), str(script), str(port), str(stage.vendor_port)]
    with running(command, port, folder=stage.folder, core=stage.core, environ=environ) as process:
        yield process


SCENARIO = Scenario(
    "collect",
    "an event to four destinations",
    (
        Served("gatekeeper", gates.sidecar, _delivers, (_GRANTED,), "decided, recorded, delivered", events=4),
        Served(
            "starlette + httpx fan-out", _fan_out, _delivers, (_GRANTED,), "four posts after the answer, nothing kept",
            python_module("starlette", "httpx"), events=4,
        ),
        Served(
            "walkerOS collector", _walkeros, _delivers, (_GRANTED,), "four API destinations, in memory, no record",
            partial(npm_missing, "@walkeros/collector", "@walkeros/server-destination-api"), events=4, compiling=True,
        ),
    ),
    rate=100.0,
    needs_vendor=True,
)  # fmt: skip
