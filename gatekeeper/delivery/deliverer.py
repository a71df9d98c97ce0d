"""The deliverer: one per node, the worker that leads. A thread with an event loop of its own.

So hosts without a loop are served too, and a slow vendor is never in the host's way. The other workers hand over
by the store, which is looked at often enough. A worker that takes over first settles what the last one left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gatekeeper.delivery.breaker import Breaker
from gatekeeper.delivery.flights import Counting, Surroundings
from gatekeeper.delivery.lane import Lane
from gatekeeper.delivery.send import Sender
from gatekeeper.errors import StorageError
from gatekeeper.storage.outbox import Flight
from gatekeeper.storage.protocols import Barrier, Queue
from gatekeeper.vendors.kind import Destination

LOOK: Final = 0.03  # seconds between two looks for what other workers accepted
LEAD: Final = 0.1  # seconds between two questions whether this process may lead
_log = logging.getLogger("gatekeeper")


@dataclass(frozen=True, slots=True)
class Orders:
    """What the policy in force asks of a deliverer; a reload swaps it as a whole."""

    destinations: Mapping[str, Destination]
    timeout: float  # seconds for a request


class Deliverer:
    """Delivers what is in the store, when it is this process's turn."""

    def __init__(
        self,
        queue: Queue,
        barrier: Barrier,
        orders: Orders,
        *,
        metrics: Counting,
        clock: Callable[[], float],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._queue = queue
        self._barrier = barrier
        self._orders = orders
        self._metrics = metrics
        self._clock = clock
        self._chance = chance
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._changed: asyncio.Event | None = None
        self._drain = 20.0
        self._lanes: Mapping[str, Lane] = {}
        self._open: Mapping[str, Lane] = {}  # of those, the ones that begin requests
        self.leading = False
        queue.watch(self.wake)

    def start(self) -> None:
        """Begin, if it has not begun in this process; called with every event, and cheap."""
        if self._thread is not None and self._pid == os.getpid():
            return
        with self._lock:
            if self._thread is not None and self._pid == os.getpid():
                return
            self._pid = os.getpid()
            started = threading.Event()
            self._thread = threading.Thread(
                target=lambda: asyncio.run(self._main(started)), name="gatekeeper-delivery", daemon=True
            )
            self._thread.start()
            started.wait(10.0)

    @property
    def running(self) -> bool:
        """Whether its thread is there, in this process."""
        return self._thread is not None and self._pid == os.getpid()

    def wake(self) -> None:
        """Something was accepted by this process."""
        loop = self._loop
        if loop is not None and self._pid == os.getpid():
            with contextlib.suppress(RuntimeError):  # it is being stopped
                loop.call_soon_threadsafe(self._rouse)

    def take(self, flights: Sequence[Flight]) -> None:
        """Send flights that this process owns already; what cannot go out now can be claimed again. From any thread."""
        loop = self._loop
        if loop is not None and self._pid == os.getpid():
            with contextlib.suppress(RuntimeError):  # it is being stopped
                loop.call_soon_threadsafe(self._take_in, flights)
                return
        for flight in flights:
            self._queue.give_back(flight)

    def use(self, orders: Orders) -> None:
        """Go by another policy's orders, from now on: requests under way end by the old ones."""
        self._orders = orders
        if self._loop is not None and self._changed is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._changed.set)

    def close(self, drain: float = 20.0) -> None:
        """Give what is ready or under way `drain` seconds; what then still waits stays queued."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is None or self._pid != os.getpid() or self._loop is None or self._stop is None:
            return
        self._drain = drain
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stop.set)
        thread.join(drain + 10.0)

    def _rouse(self) -> None:
        for lane in self._lanes.values():
            lane.rouse()

    def _take_in(self, flights: Sequence[Flight]) -> None:
        for flight in flights:
            lane = self._open.get(flight.destination)
            if lane is None or not lane.take(flight):
                self._queue.give_back(flight)

    async def _main(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._changed = asyncio.Event()
        started.set()
        try:
            while not self._queue.lead():
                if self._stop.is_set():  # asked once more after that: the last process to end delivers what is left
                    return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LEAD):
                        await self._stop.wait()
            self.leading = True
            while True:
                self._changed.clear()
                try:
                    await self._lead()
                except Exception as error:  # noqa: BLE001  # delivery goes on, whatever it was
                    _log.error("the deliverer failed (%s) and begins again", type(error).__name__)
                    await asyncio.sleep(0.5)
                if self._stop.is_set():
                    return
        finally:
            self.leading = False
            self._queue.leave()

    async def _lead(self) -> None:
        """Deliver until told to stop, or until the policy changes."""
        stop, changed = self._stop, self._changed
        if stop is None or changed is None:
            return
        orders = self._orders
        async with Sender(orders.timeout) as sender:
            around = Surroundings(self._queue, self._barrier, sender, self._metrics, self._clock, self._chance)
            lanes = {name: Lane(to, around, Breaker(self._chance)) for name, to in orders.destinations.items()}
            await self._take_over(lanes)
            self._lanes = self._open = lanes
            tasks = [asyncio.create_task(lane.run()) for lane in lanes.values()]
            watch = asyncio.create_task(self._watch())
            waits = [asyncio.create_task(stop.wait()), asyncio.create_task(changed.wait())]
            try:
                ended, _ = await asyncio.wait([*waits, watch, *tasks], return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    task.result()  # lanes and the watch end by an error only
                if stop.is_set():
                    await self._finish(lanes)
            finally:
                self._open = {}
                for task in (*tasks, *waits):
                    task.cancel()
                await asyncio.gather(*tasks, *waits, return_exceptions=True)
                flying = [task for lane in lanes.values() for task in lane.flying]
                if flying and not stop.is_set():
                    await asyncio.wait(flying, timeout=orders.timeout + 5.0)
                for task in (watch, *flying):
                    task.cancel()
                await asyncio.gather(watch, *flying, return_exceptions=True)
                self._lanes = {}

    async def _finish(self, lanes: Mapping[str, Lane]) -> None:
        """What can go out now does, as long as there is time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._drain):
                for lane in lanes.values():
                    lane.rouse(draining=True)
                while not all(lane.done() for lane in lanes.values()):
                    await asyncio.sleep(0.005)

    async def _take_over(self, lanes: Mapping[str, Lane]) -> None:
        """Settle what an ended deliverer, or an ended worker, left behind."""
        left = await asyncio.wrap_future(self._queue.recover())
        for name, again in left.waiting:
            if name in lanes:
                lanes[name].resume([again])
        for flight in left.flights:
            if flight.destination in lanes:
                await lanes[flight.destination].unknown(flight)
        if left.flights:
            count = sum(len(flight.rows) for flight in left.flights)
            _log.warning("%d deliveries were under way when the last deliverer ended", count)
        for name, (booked, there) in left.corrected.items():
            _log.error("the books of %s said %d queued, there are %d: corrected", name, booked, there)
        if left.buried:
            _log.warning("%d queued deliveries are for destinations that the policy no longer has", left.buried)

    async def _watch(self) -> None:
        """Have the store looked after."""
        while True:
            await asyncio.sleep(LOOK)
            with contextlib.suppress(StorageError):
                due = self._queue.maintain()
                if not due.done():
                    await asyncio.wrap_future(due)
