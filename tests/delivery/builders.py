"""A deliverer at work on a real outbox, in front of simulators."""

from __future__ import annotations

import time
from contextlib import contextmanager

from gatekeeper.delivery.deliverer import Deliverer
from gatekeeper.metrics import Metrics
from gatekeeper.storage import database
from gatekeeper.storage.sqlite import SqliteOutbox
from tests.builders import DESTINATIONS, make_policy
from tests.storage.builders import Log, arrival, books


class Delivering:
    """What tests ask of it."""

    def __init__(self, box, deliverer, log):
        self.box, self.deliverer, self.log = box, deliverer, log

    def accept(self, *names, to="own", at=None, **keys):
        at = time.time() if at is None else at
        self.box.accept([arrival(name, to, at=at, **keys) for name in names]).result(10)

    def wait(self, what, seconds=10.0):
        """Until `what` holds."""
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.005)

    def until_idle(self):
        self.wait(self.box.idle)

    def ended(self):
        """Request id -> (status, reason) of its last line."""
        return {
            request_id: (line["status"], line["reason"])
            for line in self.log.of("outcome")
            for request_id in line["request_ids"]
        }

    def books(self, name="own"):
        return books(self.box, name)


@contextmanager
def delivering(folder, sims, *, start=True, destinations=None, timeout=2.0, chance=lambda: 0.0, log=None, **keys):
    """A deliverer that waits no longer than it must between attempts."""
    tables = {"own": DESTINATIONS["own"] | {"endpoint": sims.first_party.url}} | (destinations or {})
    policy = make_policy(destinations=tables)
    log = log or Log()
    path = folder / "gatekeeper.db"
    database.prepare(path)
    box = SqliteOutbox(path, policy.destinations, log, clock=time.time)
    deliverer = Deliverer(
        box, policy.destinations, missing=lambda lines, since: list(lines), metrics=Metrics(), clock=time.time,
        timeout=timeout, dead_for=60.0, chance=chance, **keys,
    )  # fmt: skip
    box.woken = deliverer.wake
    if start:
        deliverer.start()
    try:
        yield Delivering(box, deliverer, log)
    finally:
        deliverer.close(drain=1.0)
        box.close()
