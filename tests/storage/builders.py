"""An outbox on a real file, arrivals, and a log that can fail."""

from __future__ import annotations

import time
from concurrent.futures import Future
from contextlib import contextmanager

import orjson

from gatekeeper.audit.lines import Line
from gatekeeper.errors import AuditError
from gatekeeper.storage import database
from gatekeeper.storage.outbox import Arrival, Job
from gatekeeper.storage.sqlite import SqliteOutbox

NOW = 1_795_478_400.0


class Log:
    """Keeps lines. While `held`, appends wait; while `broken`, they fail as on a full disk."""

    def __init__(self) -> None:
        self.lines = []
        self.broken = False
        self.held = False
        self.waiting = []

    def append(self, batch):
        done = Future()
        if self.held:
            self.waiting.append((list(batch), done))
        elif self.broken:
            done.set_exception(AuditError("full"))
        else:
            self.lines += [orjson.loads(line.core) for line in batch]
            done.set_result(None)
        return done

    def go_on(self):
        self.held = False
        for batch, done in self.waiting:
            self.lines += [orjson.loads(line.core) for line in batch]
            done.set_result(None)
        self.waiting = []

    def of(self, kind):
        return [line for line in self.lines if line["kind"] == kind]

    def outcomes(self):
        return {(r, line["destination"]): line["status"] for line in self.of("outcome") for r in line["request_ids"]}


def arrival(name, *destinations, key=None, subjects=(), body=b'{"n":1}', head=b"", at=NOW):
    """One event for some destinations."""
    line = Line(orjson.dumps({"kind": "decision", "request_id": name}))
    jobs = tuple(Job(destination, at, head, body) for destination in destinations or ("own",))
    return Arrival(name, None if key is None else key.ljust(16, b"."), tuple(subjects), line, jobs)


@contextmanager
def outbox(folder, log=None, names=("own", "other"), **keys):
    """An open outbox; closed at the end."""
    path = folder / "gatekeeper.db"
    database.prepare(path)
    box = SqliteOutbox(path, names, log or Log(), clock=lambda: NOW, **keys)
    try:
        yield box
    finally:
        box.close()


def accept(box, *arrivals):
    """The request ids that are answered."""
    return box.accept(arrivals).result(10)


def claim(box, name="own", *, after=0, events=100, size=10**6, flights=8, busy=()):
    """Claim once the rows are released."""
    return box.claim(name, after=after, events=events, size=size, flights=flights, busy=busy).result(10)


def books(box, name="own"):
    """A destination's count, which must add up whenever it is looked at."""
    box.cancel([]).result(10)  # any commit: what the log has written is released with it
    count = box.count()[name]
    assert count.accepted == count.queued + count.delivered + count.dead + count.expired + count.cancelled
    return count


def wait(what, seconds=10.0):
    """Until something is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)
