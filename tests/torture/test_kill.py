"""`gatekeeper serve`, killed at random instants under load, started again, drained: nothing accepted is lost."""

import threading
import time
from contextlib import contextmanager, suppress

import httpx
import pytest

from gatekeeper.audit.read import records
from gatekeeper.audit.verify import verify
from tests.shells.serving import EVENT
from tests.shells.test_workers import gone
from tests.torture.promises import Evidence, broken
from tests.torture.rounds import zygote
from tests.torture.scale import FULL, chance, figure
from tests.torture.serving import serving
from tests.torture.vendor import Vendor

LETTERS = str.maketrans("0123456789", "abcdefghij")


class Load:
    """Senders that repeat an event until it is answered 202, as a server's outbox or a service worker does."""

    def __init__(self, up, threads=3):
        self.up, self.count = up, threads
        self.posted, self.accepted, self.refused, self.n = set(), {}, 0, 0
        self.stopping = threading.Event()

    def send(self, t):
        with httpx.Client(trust_env=False, timeout=5, verify=False) as client:
            self.post_all(t, client)

    def post_all(self, t, client):
        while not self.stopping.is_set():
            self.n += 1
            # Letters: of digits, some would look like the number of a card, and be taken out of what is sent.
            name = f"e{t}-{self.n}-" + str(time.monotonic_ns()).translate(LETTERS)
            self.posted.add(name)
            for _ in range(4_000):
                answer = None
                with suppress(httpx.HTTPError):
                    answer = client.post(self.up.url + "/gk/collect", json=EVENT | {"event_id": name})
                if answer is not None and answer.status_code == 202:
                    self.accepted[name] = answer.json()["request_ids"][0]
                    break
                self.refused += 1
                self.stopping.wait(0.01)

    @contextmanager
    def running(self):
        """Posting, until the end of the block and of every event that was begun."""
        self.stopping.clear()
        threads = [threading.Thread(target=self.send, args=(t,)) for t in range(self.count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stopping.set()
            for thread in threads:
                thread.join()


def books(up):
    """The books, which add up whenever they are looked at (`metrics` asserts it)."""
    found = up.metrics()
    names = ("accepted_total", "queued", "delivered_total", "dead_total", "expired_total", "cancelled_total")
    return {name.removesuffix("_total"): int(found.get((name, "own"), 0)) for name in names}


def kept(look, seconds=10.0):
    """Broken promises; an outcome's line is written a little after its commit, which the books show."""
    deadline, quiet = time.monotonic() + seconds, threading.Event()
    while (found := look()) and time.monotonic() < deadline:
        quiet.wait(0.2)
    return found


def strike(up, random):
    """Kill one of the processes, or all of them; begin anew what does not begin by itself."""
    workers = up.pids()
    victim = random.choice(["all", "supervisor", "one"]) if up.workers > 1 else "all"
    if victim == "one":
        up.kill(random.choice(workers))
        up.wait(lambda: len(up.pids()) == up.workers)
        return
    up.kill(up.process.pid)
    if victim == "all":
        for pid in workers:
            up.kill(pid)
    up.process.wait(10)
    up.wait(lambda: all(gone(pid) for pid in workers))
    up.start()


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_random_instants_under_load(tmp_path, workers):
    """Rounds on one store: what a round left is there in the next."""
    began, random = time.monotonic(), chance(f"kill {workers}")
    rounds = (16 if workers == 1 else 14) if FULL else 2
    found, faults = [], []
    with Vendor(tmp_path / "audit") as vendor:
        vendor.pause = lambda: random.uniform(0, 0.03)
        vendor.status = lambda: 503 if random.random() < 0.03 else 204
        with zygote() as parent, serving(tmp_path, vendor, parent, workers) as up:
            load = Load(up)
            for n in range(rounds):
                with load.running():
                    threading.Event().wait(random.uniform(0.1, 0.8))
                    faults.append(time.monotonic())
                    strike(up, random)
                    faults.append(time.monotonic())
                up.wait(lambda: books(up)["queued"] == 0)

                def look():
                    vendor.tail.look()
                    return broken(
                        Evidence(
                            load.posted, load.accepted, list(vendor.receipts), vendor.tail.order,
                            list(records(tmp_path / "audit")), [books(up)], [*faults, *vendor.failures],
                            verify(tmp_path / "audit").problems,
                        )
                    )  # fmt: skip

                found += [f"round {n}: {one}" for one in kept(look)]
            assert up.stop() == 0
        if "corrected" in tmp_path.with_suffix(".err").read_text():
            found.append("miscounted: the books had to be corrected")
        repeated = len(vendor.receipts) - len({receipt.id for receipt in vendor.receipts})
    figure(
        f"kill -9 under load, {workers} worker{'s' * (workers > 1)}", cases=rounds, broken=len(found),
        seconds=time.monotonic() - began, accepted=len(load.accepted), repeated=repeated,
    )  # fmt: skip
    assert found == []
