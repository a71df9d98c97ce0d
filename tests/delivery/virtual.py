"""An event loop whose time passes at once: hours of an outage in a moment, one lane at work in them."""

from __future__ import annotations

import asyncio
import json
import selectors
from concurrent.futures import Future
from dataclasses import dataclass, field

from gatekeeper.delivery.breaker import Breaker
from gatekeeper.delivery.lane import Lane
from gatekeeper.delivery.surroundings import Surroundings
from gatekeeper.errors import DeliveryError
from gatekeeper.model import Answer
from gatekeeper.storage.protocols import Bounds
from gatekeeper.testing.store import MemoryStore
from tests.builders import make_policy
from tests.storage.builders import NOW, arrival

OWN = make_policy().destinations["own"]


class _Jumps(selectors.DefaultSelector):
    """Waits for nothing: time is moved instead."""

    def __init__(self):
        super().__init__()
        self.now = 0.0

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "nothing will ever happen"
            self.now += max(0.0, timeout)
        return ready


class Loop(asyncio.SelectorEventLoop):
    """Virtual time, from 0."""

    def __init__(self):
        self._jumps = _Jumps()
        super().__init__(self._jumps)

    def time(self):
        return self._jumps.now


class _Recorder:
    def append(self, batch):
        done = Future()
        done.set_result(None)
        return done


class _Metrics:
    def asked(self, destination, events, seconds):
        pass


@dataclass
class Vendor:
    """Down from `down` until `back`, in the way of `how`; it notes when it took how many events."""

    how: str
    down: float
    back: float
    timeout: float
    asked: list[float] = field(default_factory=list)
    under_way: int = 0
    most: int = 0
    took: list[tuple[float, int]] = field(default_factory=list)

    async def send(self, outgoing, due=None, permit=None):
        if permit is not None:
            assert permit.begin()
            permit.end()
        now = asyncio.get_running_loop().time()
        self.asked.append(now)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            if self.down <= now < self.back:
                if self.how == "answers 503":
                    return Answer(503)
                await asyncio.sleep({"refuses": 0.0, "drops": min(5.0, self.timeout), "hangs": self.timeout}[self.how])
                raise DeliveryError("timeout" if self.how == "hangs" else "unreachable")
            await asyncio.sleep(0.05)
            self.took.append((asyncio.get_running_loop().time(), len(json.loads(outgoing.body)["events"])))
            return Answer(200)
        finally:
            self.under_way -= 1


@dataclass
class Recovery:
    """Seconds after the vendor came back: until its first delivery, and until nothing of before was left."""

    first: float
    last: float
    vendor: Vendor


def recovery(how, outage, *, down=1.0, timeout=10.0, queued=120, every=2.0, chance=lambda: 0.999):
    """What becomes of `queued` events and of one more `every` so many seconds, in an outage."""

    async def main():
        loop = asyncio.get_running_loop()
        clock = lambda: NOW + loop.time()  # noqa: E731  # one line
        store = MemoryStore(Bounds(("own",)), _Recorder(), clock=clock)
        vendor = Vendor(how, down, down + outage, timeout)
        around = Surroundings(store.queue, store.barrier, vendor, _Metrics(), clock, chance)
        lane = Lane(OWN, around, Breaker(chance, timeout))
        store.queue.watch(lane.rouse)
        running = asyncio.create_task(lane.run())
        n = 0

        def accept(count):
            nonlocal n
            store.intake.accept([arrival(f"a{n + k}", at=clock()) for k in range(count)])
            n += count

        accept(1)
        await asyncio.sleep(down)
        accept(queued)
        while loop.time() + every < vendor.back:
            await asyncio.sleep(every)
            accept(1)
        await asyncio.sleep(vendor.back - loop.time())
        waiting = store.books.count()["own"].queued
        before, limit = len(vendor.took), vendor.back + 1_200
        while store.books.count()["own"].queued:
            await asyncio.sleep(0.1)
            assert loop.time() < limit, f"{store.books.count()['own'].queued} of {waiting} still wait"
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert sum(count for _, count in vendor.took) == n == store.books.count()["own"].delivered
        after = [at - vendor.back for at, _ in vendor.took[before:]]
        return Recovery(min(after, default=0.0), max(after, default=0.0), vendor)

    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(main())
