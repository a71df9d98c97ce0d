"""A vendor that remembers: what it was sent, when, and how much of the log was there at that moment."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson

from gatekeeper.model import Answer
from tests.answering import served, server_of


@dataclass(frozen=True, slots=True)
class Receipt:
    """One event as it came: `logged` is the number of decision lines that the log had before it came."""

    id: str
    body: bytes
    logged: int
    at: float


class Tail:
    """The log as it grows: request ids of decision lines, in the order they were seen. Reads whole lines only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.order: dict[str, int] = {}  # request id -> how many were seen before
        self._read: dict[str, int] = {}  # bytes, by segment
        self._done: set[Path] = set()

    def look(self) -> int:
        """How many decision lines there are now."""
        for path in sorted(self.folder.glob("*.jsonl*")):
            if path in self._done:
                continue
            segment = path.name.removesuffix(".gz")
            try:
                if path.suffix == ".gz":  # closed: what was not seen of it before is seen now
                    new = gzip.decompress(path.read_bytes())[self._read.get(segment, 0) :]
                    self._done.add(path)
                else:
                    with path.open("rb") as file:
                        file.seek(self._read.get(segment, 0))
                        new = file.read()
            except FileNotFoundError:  # compressed meanwhile
                return self.look()
            whole = new[: new.rfind(b"\n") + 1]
            self._read[segment] = self._read.get(segment, 0) + len(whole)
            for line in whole.splitlines():
                try:
                    record = orjson.loads(line)
                except orjson.JSONDecodeError:  # the end that a crash left
                    continue
                if record.get("kind") == "decision":
                    self.order.setdefault(record["request_id"], len(self.order))
        return len(self.order)


class Vendor:
    """Takes first-party batches on a loopback port; what it answers, and when, can be planned per request."""

    def __init__(self, log: Path) -> None:
        self.receipts: list[Receipt] = []
        self.failures: list[float] = []  # when it answered that it could not
        self.tail = Tail(log)
        self.pause: Callable[[], float] = lambda: 0.0
        self.status: Callable[[], int] = lambda: 204
        self._lock = threading.Lock()
        self._server = server_of(lambda call: Answer(self.take(call.body)))
        self.url = self._server.url
        self._served = served(self._server)

    def take(self, body: bytes) -> int:
        """Keep a request; the status to answer."""
        with self._lock:
            logged, now = self.tail.look(), time.monotonic()
            for event in orjson.loads(body)["events"]:
                self.receipts.append(Receipt(event["event_id"], orjson.dumps(event), logged, now))
        time.sleep(self.pause())
        status = self.status()
        if status >= 300:
            self.failures.append(time.monotonic())
        return status

    def __enter__(self) -> Vendor:
        self._served.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._served.__exit__(None, None, None)
