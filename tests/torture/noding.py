"""One node under load: accepts batches until it is told to stop. Run as `python -m tests.torture.noding`."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
from concurrent.futures import Future
from pathlib import Path

import orjson

from gatekeeper.errors import AuditError, StorageError
from gatekeeper.storage.postgres.commits import Copies
from gatekeeper.storage.postgres.store import PostgresStore
from gatekeeper.storage.protocols import Bounds
from tests.storage.builders import arrival

BATCH = 5
DESTINATIONS = ("own", "other")


class FileLog:
    """A log of one line each, on the disk before it says so; what it holds survives this process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def append(self, batch):
        """Write lines and sync them."""
        done = Future()
        try:
            with self.path.open("ab") as file:
                file.write(b"".join(line.core + b"\n" for line in batch))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            done.set_exception(AuditError(str(error)))
            return done
        done.set_result(None)
        return done

    def missing(self, lines, since):
        """Those that are not in the file."""
        there = set(self.path.read_bytes().splitlines())
        return [line for line in lines if line.core not in there]

    def decisions(self):
        """The request ids of all decision lines."""
        found = [orjson.loads(line) for line in self.path.read_bytes().splitlines() if line.endswith(b"}")]
        return [line["request_id"] for line in found if line["kind"] == "decision"]


def main(url: str, folder: str, name: str) -> None:
    """Accept until SIGTERM."""
    here = Path(folder)
    log = FileLog(here / "log")
    store = PostgresStore(url, here / "node", Bounds(DESTINATIONS, 10**7), log, missing=log.missing, copies=Copies(2))
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    number = itertools.count()
    with (here / "acknowledged").open("ab", buffering=0) as acknowledged:
        while not stop:
            names = [f"{name}-{next(number)}" for _ in range(BATCH)]
            arrivals = [arrival(one, *DESTINATIONS, key=one.encode()[-16:], subjects=[f"p_{one}"]) for one in names]
            try:
                told = store.intake.accept(arrivals).result(30).request_ids
            except (StorageError, AuditError):
                time.sleep(0.05)
                continue
            acknowledged.write("".join(f"{one}\n" for one in told).encode())
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
