"""A deliverer at work on a real outbox, in front of simulators."""

from __future__ import annotations

import time
from contextlib import contextmanager

from gatekeeper.delivery.deliverer import Deliverer, Orders
from gatekeeper.delivery.handover import Handover
from gatekeeper.runtime.metrics import Metrics
from gatekeeper.storage import database
from gatekeeper.storage.protocols import Bounds
from gatekeeper.storage.sqlite import SqliteStore
from tests.builders import DESTINATIONS, make_policy
from tests.storage.builders import Log, arrival, books


class Delivering:
    """What tests ask of it."""

    def __init__(self, store, deliverer, log):
        self.store, self.deliverer, self.log = store, deliverer, log
        self.intake = Handover(store.intake, deliverer.take)

    def accept(self, *names, to="own", at=None, **keys):
        at = time.time() if at is None else at
        self.intake.accept([arrival(name, to, at=at, **keys) for name in names]).result(10)

    def wait(self, what, seconds=60.0):
        """Until `what` holds."""
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.005)

    def until_idle(self):
        self.wait(self.store.books.idle)

    def ended(self):
        """Request id -> (status, reason) of its last line."""
        return {
            request_id: (line["status"], line["reason"])
            for line in self.log.of("outcome")
            for request_id in line["request_ids"]
        }

    def books(self, name="own"):
        return books(self.store, name)


def on_disk(folder, bounds, log):
    """The embedded store."""
    path = folder / "gatekeeper.db"
    database.prepare(path)
    return SqliteStore(path, bounds, log)


@contextmanager
def delivering(
    folder, sims, *, start=True, destinations=None, timeout=2.0, chance=lambda: 0.0, log=None, make=on_disk
):  # fmt: skip
    """A deliverer that waits no longer than it must between attempts."""
    tables = {"own": DESTINATIONS["own"] | {"endpoint": sims.first_party.url}} | (destinations or {})
    policy = make_policy(destinations=tables)
    log = log or Log()
    store = make(folder, Bounds(tuple(policy.destinations), dead_for=60.0), log)
    deliverer = Deliverer(
        store.queue, store.barrier, Orders(policy.destinations, timeout), metrics=Metrics(), clock=time.time,
        chance=chance,
    )  # fmt: skip
    if start:
        deliverer.start()
    try:
        yield Delivering(store, deliverer, log)
    finally:
        deliverer.close(drain=1.0)
        store.close()
