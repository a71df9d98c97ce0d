"""A node that sends: for one person after another it decides, asks at the last moment, and writes down when it sent.

Run as `python -m tests.torture.sending URL FOLDER PEOPLE [BUG]`. A line of `sent` is a person and a time (monotonic,
ns). The planted BUG `early` says that it knows of a withdrawal while an older request is still about to begin.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from pathlib import Path

from gatekeeper.errors import StorageError
from gatekeeper.storage.postgres.members import Members
from gatekeeper.storage.postgres.store import PostgresStore
from gatekeeper.storage.protocols import Bounds
from tests.storage.builders import Log

CLOCKS = {"ahead": 3_600.0, "behind": -3_600.0}  # seconds


def plant(bug: str) -> None:
    """Have a node make a mistake."""
    if bug == "early":
        Members._applied = lambda self: self.generation
    elif bug in CLOCKS:  # of the machine: no mistake, and nothing may depend on it
        right = time.time
        time.time = lambda: right() + CLOCKS[bug]


def main(url: str, folder: str, people: str, bug: str = "") -> None:
    """Send until SIGTERM."""
    plant(bug)
    here, count, stop = Path(folder), int(people), []
    store = PostgresStore(url, here / "node", Bounds(("own",)), Log())
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    chance, barrier = random.Random(here.name), store.barrier
    barrier.now()
    with (here / "sent").open("ab", buffering=0) as sent, (here / "frozen").open("ab", buffering=0) as frozen:
        next_one = 0  # who withdraws next, as far as this node has seen: those are about to be sent
        while not stop and next_one < count:
            person = min(count - 1, next_one + chance.randrange(3))
            try:
                if not send(store, f"p_{person}", chance, sent, frozen):
                    next_one = max(next_one, person)
                    next_one += person == next_one
            except StorageError:
                time.sleep(0.01)
    store.close()


def send(store, person, chance, sent, frozen) -> bool:
    """One request, as `delivery/permit.py` makes it; `False` for a person who withdrew.

    One of which the lease ended between the last question and the first byte was stopped just there by its host, or by
    the load: the limit of what a lease can promise. It is no such case where it began without a lease.
    """
    barrier, members = store.barrier, store.members
    epoch = barrier.now()
    if epoch is None:
        return True
    if barrier.withdrawn([person], "own", 1):
        return False
    time.sleep(chance.uniform(0.0, 0.003))  # it connects
    asked, until = time.monotonic(), members.until  # now: a process that goes on gets another lease at once
    slot = barrier.enter()
    if slot is None:
        return True
    try:
        if slot.generation != epoch.generation and barrier.withdrawn([person], "own", epoch.generation):
            return False
        time.sleep(chance.uniform(0.0, 0.02))  # longer than it takes: what comes in between has to wait
        now = time.monotonic_ns()
        too_late = asked < until and now > until * 1e9
        (frozen if too_late else sent).write(f"{person} {now}\n".encode())
        return True
    finally:
        barrier.leave(slot)


if __name__ == "__main__":
    main(*sys.argv[1:])
