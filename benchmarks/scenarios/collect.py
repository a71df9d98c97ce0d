"""One event to four destinations through `/gk/collect`, beside collectors that keep nothing."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from functools import partial

from .. import checks, gates, samples, visitors
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


_DAY = visitors.many("/gk/collect", visitors.event)
_ALIKE = visitors.one(_GRANTED)
_NO_WALKEROS = partial(npm_missing, "@walkeros/collector", "@walkeros/server-destination-api")

SCENARIO = Scenario(
    "collect",
    "an event of one of 800 visitors to four destinations",
    (
        Served("gatekeeper", gates.sidecar, _delivers, _DAY, "decided, recorded, delivered", events=4),
        Served(
            "starlette + httpx fan-out", _fan_out, _delivers, _DAY, "four posts after the answer, nothing kept",
            python_module("starlette", "httpx"), events=4,
        ),
        Served(
            "walkerOS collector", _walkeros, _delivers, _DAY, "four API destinations, in memory, no record",
            _NO_WALKEROS, events=4, compiling=True,
        ),
        Served("gatekeeper, the release before", gates.before, _delivers, _DAY, "", gates.no_release_before, events=4),
        Served("gatekeeper, one visitor", gates.sidecar, _delivers, _ALIKE, "the same event again and again", events=4),
        Served(
            "walkerOS collector, one visitor", _walkeros, _delivers, _ALIKE, "the same event again and again",
            _NO_WALKEROS, events=4, compiling=True,
        ),
    ),
    rate=100.0,
    needs_vendor=True,
)  # fmt: skip
