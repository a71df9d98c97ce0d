"""The gate as the scenarios use it: in this process without a disk or network, or as the sidecar's process."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from gatekeeper.audit.lines import Line
from gatekeeper.gate import Gate
from gatekeeper.geoip.reader import Locations
from gatekeeper.installation.ids import request_id
from gatekeeper.installation.ring import Key, KeyRing
from gatekeeper.policy.load import parse_policy
from gatekeeper.storage.outbox import Accepted, Arrival
from gatekeeper.storage.sqlite import SqliteStore

from . import samples
from .machine import free_port
from .process import Process, running
from .shape import Stage

RING = KeyRing((Key("s1", b"s" * 32),), (Key("p1", b"p" * 32),))
NOW = 1_795_478_400.0  # 2026-11-24T00:00:00Z


class NoDisk:
    """A recorder that keeps the last batch only."""

    def __init__(self) -> None:
        self.last: Sequence[Line] = ()

    def append(self, batch: Sequence[Line]) -> Future[None]:
        """Take lines as durable."""
        self.last = batch
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def put(self, batch: Sequence[Line]) -> None:
        """Take lines as written."""
        self.last = batch

    def failing(self) -> bool:
        """Never."""
        return False


class NoIntake:
    """An intake that keeps the last arrivals only."""

    def __init__(self) -> None:
        self.last: Sequence[Arrival] = ()

    def room(self, destination: str, count: int, *, ours: bool = True) -> bool:
        """Always."""
        return True

    def accept(self, arrivals: Sequence[Arrival]) -> Future[Accepted]:
        """Take arrivals over."""
        self.last = arrivals
        done: Future[Accepted] = Future()
        done.set_result(Accepted([one.request_id for one in arrivals]))
        return done

    def sweep(self, refusals: object) -> None:
        """Nothing is queued."""


def gate(
    destinations: tuple[str, ...] = samples.DESTINATIONS, *, store: SqliteStore | None = None, **tables: Any
) -> Gate:
    """The pure core under the harness' policy, with a clock that stands still; with a store, its ledger, too."""
    policy = parse_policy(samples.policy(9, destinations=destinations) | tables, environ={})
    nothing = NoIntake()
    return Gate(
        policy, RING, clock=lambda: NOW, new_id=request_id, lookup=Locations(), recorder=NoDisk(),
        intake=nothing if store is None else store.intake, refusals=nothing if store is None else store.refusals,
        ledger=None if store is None else store.ledger, barrier=None if store is None else store.barrier,
    )  # fmt: skip


BEFORE = "GATEKEEPER_BEFORE"  # names the Python of an environment in which the release before is installed


def no_release_before() -> str | None:
    """Why the release before is not measured beside this one."""
    python = os.environ.get(BEFORE)
    if python is None:
        return f"{BEFORE} does not name the Python of an environment with the release before"
    return None if Path(python).exists() else f"{BEFORE} names a file that is not there"


@contextlib.contextmanager
def before(stage: Stage) -> Iterator[Process]:
    """The release before, as its own environment has it."""
    with sidecar(stage, python=os.environ[BEFORE], environ={"PYTHONPATH": ""}) as process:
        yield process


@contextlib.contextmanager
def sidecar(
    stage: Stage, entry: Sequence[str] = ("-m", "gatekeeper"), *, python: str = sys.executable,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Process]:  # fmt: skip
    """`gatekeeper serve` as a process of its own, with the mock vendor behind it; `entry` may be a profiler's."""
    folder = Path(tempfile.mkdtemp(prefix="sidecar-", dir=stage.folder))
    config = samples.write_policy(folder / "gatekeeper.toml", samples.policy(stage.vendor_port))
    port = free_port()
    command = [python, *entry, "serve", "--config", str(config), "--port", str(port)]
    with running(command, port, folder=folder, core=stage.core, environ=environ) as process:
        yield process
