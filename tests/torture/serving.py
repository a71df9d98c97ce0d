"""`gatekeeper serve` forked from a process that has imported everything: it is there in a quarter of a second."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

from tests.running import free_port
from tests.shells.serving import Serving, write
from tests.torture.rounds import Zygote
from tests.torture.vendor import Vendor


class Process:
    """The part of `Popen` that is needed, of a zygote's child."""

    def __init__(self, parent: Zygote, pid: int) -> None:
        self.parent, self.pid = parent, pid
        self.code: int | None = None

    def poll(self) -> int | None:
        """Its exit code, if it has ended."""
        if self.code is None and select.select([self.parent.process.stdout], [], [], 0)[0]:
            self.code = self.parent.end()
        return self.code

    def send_signal(self, number: int) -> None:
        """A signal, if it is still there."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code."""
        if self.code is None:
            assert select.select([self.parent.process.stdout], [], [], timeout)[0], "it did not end in time"
            self.code = self.parent.end()
        return self.code

    def kill(self) -> None:
        """At once, if it is still there."""
        self.send_signal(signal.SIGKILL)


class Forked(Serving):
    """As `Serving`, faster at starting, perhaps with a bug in it."""

    def __init__(self, folder: Path, endpoint: str, parent: Zygote, workers: int, bug: str) -> None:
        self.parent, self.bug = parent, bug
        super().__init__(folder, endpoint, free_port(), workers)

    def start(self) -> None:
        """Begin, or begin again on the same store."""
        pid = self.parent.begin(
            do="serve", folder=str(self.folder), port=self.port, workers=self.workers, bug=self.bug, limit=3600
        )
        self.process = Process(self.parent, pid)
        self.wait(self.alive)


@contextmanager
def serving(
    folder: Path, vendor: Vendor, parent: Zygote, workers: int = 1, *, database: str = "gatekeeper.db", bug: str = ""
) -> Iterator[Forked]:
    """A gate with one destination, the vendor."""
    write(folder, SimpleNamespace(first_party=vendor))
    policy = folder / "gatekeeper.toml"
    policy.write_text(policy.read_text().replace("///gatekeeper.db", "///" + database))
    (folder / "stderr").write_text("")
    up = Forked(folder, vendor.url, parent, workers, bug)
    try:
        yield up
    finally:
        if up.process.poll() is None:
            up.stop()
