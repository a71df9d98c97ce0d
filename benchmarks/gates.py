"""The gate as the scenarios use it: in this process without a disk or network, or as the sidecar's process."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any

from gatekeeper.audit.lines import Line
from gatekeeper.gate import Gate
from gatekeeper.geoip.reader import Locations
from gatekeeper.installation.ids import request_id
from gatekeeper.installation.keys import Key, KeyRing
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


@contextlib.contextmanager
def sidecar(stage: Stage, entry: Sequence[str] = ("-m", "gatekeeper")) -> Iterator[Process]:
    """`gatekeeper serve` as a process of its own, with the mock vendor behind it; `entry` may be a profiler's."""
    folder = stage.folder / "sidecar"
    folder.mkdir(exist_ok=True)
    config = samples.write_policy(folder / "gatekeeper.toml", samples.policy(stage.vendor_port))
    port = free_port()
    command = [sys.executable, *entry, "serve", "--config", str(config), "--port", str(port)]
    with running(command, port, folder=folder, core=stage.core) as process:
        yield process
