"""One round: a child drives, is hurt or not, another recovers, and the promises are checked."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from gatekeeper.audit.read import records
from gatekeeper.audit.verify import verify
from tests.torture import strace
from tests.torture.promises import Evidence, broken
from tests.torture.scenario import POLICY
from tests.torture.vendor import Vendor

ROOT = Path(__file__).parents[2]


class Zygote:
    """The forking process, and orders to it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.zygote"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def begin(self, **order: Any) -> int:
        """Fork a child; its process id."""
        self.process.stdin.write(orjson.dumps(order) + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["pid"]

    def end(self) -> int:
        """Wait for it; its exit code."""
        return json.loads(self.process.stdout.readline())["ended"]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


@contextmanager
def zygote() -> Iterator[Zygote]:
    """One for a whole module's rounds."""
    running = Zygote()
    try:
        yield running
    finally:
        running.close()


@dataclass(slots=True)
class Round:
    """A folder with a policy, a vendor behind it, and what was said and seen."""

    folder: Path
    vendor: Vendor
    zygote: Zygote
    faults: list[float] = field(default_factory=list)
    name: str = "e"

    def drive(self, **order: Any) -> int:
        """Accept and deliver, with a fault if there is to be one; the exit code."""
        return self._do("drive", **{"batches": 2, "events": 4, "name": self.name} | order)

    def recover(self, **order: Any) -> int:
        """Go on after it."""
        return self._do("recover", **order)

    def _do(
        self, what: str, *, inject: str = "", trace: Path | None = None, kill_while_asked: bool = False, **order: Any
    ) -> int:
        if not inject and trace is None:
            pid = self.zygote.begin(do=what, folder=str(self.folder), **order)
            if kill_while_asked:
                soon(lambda: bool(self.vendor.receipts))
                os.kill(pid, signal.SIGKILL)
            code = self.zygote.end()
        else:
            go = self.folder.with_suffix(".go")
            os.mkfifo(go)
            pipe = os.open(go, os.O_RDWR)
            pid = self.zygote.begin(do=what, folder=str(self.folder), wait=True, **order)
            with strace.attached(pid, inject=inject, trace=trace):
                os.write(pipe, b"!")
                code = self.zygote.end()
            os.close(pipe)
            go.unlink()
        self.faults.append(time.monotonic())
        return code

    def said(self) -> list[dict[str, Any]]:
        """Every promise, and the books."""
        lines = self.folder.with_suffix(".said").read_bytes().splitlines()
        return [orjson.loads(line) for line in lines]

    def evidence(self) -> Evidence:
        """What there is to judge by."""
        said = self.said()
        self.vendor.tail.look()
        return Evidence(
            posted={name for one in said for name in one.get("posted", ())},
            accepted={one["accepted"]: one["request_id"] for one in said if "accepted" in one},
            receipts=list(self.vendor.receipts),
            order=self.vendor.tail.order,
            records=list(records(self.folder / "audit")),
            books=[one["books"] for one in said if "books" in one],
            faults=[*self.faults, *self.vendor.failures],
            problems=verify(self.folder / "audit").problems,
        )

    def broken(self) -> list[str]:
        """Broken promises; that it could not even recover is one."""
        errors = self.folder.with_suffix(".err").read_text()
        if not any("recovered" in one for one in self.said()):
            return ["lost: it did not start again: " + errors[-400:]]
        corrected = ["miscounted: the books had to be corrected"] if "corrected" in errors else []
        return [*corrected, *broken(self.evidence())]


@contextmanager
def round_in(folder: Path, parent: Zygote, name: str) -> Iterator[Round]:
    """A round of its own."""
    place = folder / name
    place.mkdir()
    with Vendor(place / "audit") as vendor:
        (place / "gatekeeper.toml").write_text(POLICY.format(endpoint=vendor.url))
        yield Round(place, vendor, parent)
    shutil.rmtree(place)
    for suffix in (".said", ".err"):
        place.with_suffix(suffix).unlink(missing_ok=True)


def soon(what: Callable[[], bool], seconds: float = 20.0) -> None:
    """Until it holds."""
    deadline, quiet = time.monotonic() + seconds, threading.Event()
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        quiet.wait(0.01)
