"""The stage profile: how many CPU microseconds of a request go to each stage, server and client included."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from . import gates, profiler
from .cpu import CannotMeasureError
from .load import Load
from .measure import window
from .options import Options
from .process import Process
from .run import stage, warm_up
from .scenarios import ALL
from .shape import Scenario, Served, Stage
from .stages import STAGES

_SECONDS = 2.0  # of load at least: a sample is taken every few milliseconds of CPU
# What is profiled: a scenario and its contestant of ours.
SUBJECTS = {"collect": ("collect", "gatekeeper"), "call": ("call", "GA4: gatekeeper")}


@contextmanager
def _profiled(result: Path, at: Stage) -> Iterator[Process]:
    with gates.sidecar(at, entry=["-m", profiler.__name__, str(result)]) as process:
        yield process


def profile(subject: str, options: Options) -> dict[str, Any]:
    """CPU microseconds per request and stage. Raises CannotMeasureError, CheckError or AbsentError."""
    name, contestant = SUBJECTS[subject]
    scenario: Scenario = ALL[name]
    (served,) = (one for one in scenario.contestants if one.name == contestant)
    assert isinstance(served, Served)
    if not profiler.possible():
        raise CannotMeasureError("the stage profile needs a CPU clock per thread, as Linux has it")
    with stage(scenario) as at:
        result = at.folder / "profile.json"
        with _profiled(result, at) as process:
            served.check(process, at)
            requests = tuple(served.requests())
            warm_up(served, process, at, options)
            load = Load(
                process.port,
                requests,
                options.connections,
                max(_SECONDS, options.seconds),
                core=at.load_core,
                most=20_000,
            )
            os.kill(process.pid, signal.SIGUSR1)
            found = window(served, process, at, load)
            os.kill(process.pid, signal.SIGUSR1)
            told = _read(result)
    spent: dict[str, float] = told["seconds"]
    per = 1e6 / max(1, found.sent.answered)
    order = [*STAGES, *(name for name in spent if name not in STAGES)]
    return {
        "title": scenario.title,
        "requests": found.sent.answered,
        "ticks": told["ticks"],
        "stages": {name: spent[name] * per for name in order if name in spent},
    }


def _read(result: Path) -> Any:
    deadline = time.monotonic() + 5.0
    while not result.exists():
        if time.monotonic() > deadline:
            raise CannotMeasureError("the profiler wrote nothing")
        time.sleep(0.02)
    return orjson.loads(result.read_bytes())
