"""The deliverer: one per node, the worker that leads. It lives on an event loop.

In the sidecar that is the server's own loop: what it accepts it also sends, and no other thread is woken for it. In an
app it is a loop in a thread of its own: hosts without a loop are served too, and no delivery is ever in the host's way.
The other workers hand over by the store, which is looked at often enough. A worker that takes over first settles what
the last one left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gatekeeper.counting import counted
from gatekeeper.delivery.breaker import Breaker
from gatekeeper.delivery.lane import Lane
from gatekeeper.delivery.run import Run
from gatekeeper.delivery.send import Sender
from gatekeeper.delivery.surroundings import Counting, Surroundings
from gatekeeper.errors import StorageError
from gatekeeper.installation import forks
from gatekeeper.installation.forks import work
from gatekeeper.model.egress import Egress
from gatekeeper.storage.outbox import Flight, Recovered
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
    egress: Egress | None = None  # the proxy that vendors are reached through


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
        self._run: Run | None = None
        self._home: asyncio.AbstractEventLoop | None = None
        forks.register(self)
        queue.watch(self.wake)

    def live_on(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Deliver on a loop that runs as long as this process serves; in a thread (`None`) where there is none."""
        self._home = loop

    def start(self) -> None:
        """Begin, if it has not begun in this process; called with every event, and cheap."""
        run = self._run
        if run is not None and not run.closing and not run.loop.is_closed():
            return
        with work, self._lock:
            run = self._run
            if run is not None and not run.loop.is_closed() and not (run.closing and run.over.is_set()):
                return  # one that has not ended yet: the next event begins another one
            home = self._home
            self._run = run = Run(None if home is None or home.is_closed() else home)
            if run.home is None:
                threading.Thread(target=self._deliver, args=(run,), name="gatekeeper-delivery", daemon=True).start()
            else:
                run.call(self._settle_in, run)

    @property
    def leading(self) -> bool:
        """Whether this process delivers for all that share the store."""
        return self._run is not None and self._run.leading

    def wake(self) -> None:
        """Something was accepted by this process."""
        run = self._run
        if run is not None:
            run.call(self._rouse, run)

    def take(self, flights: Sequence[Flight]) -> None:
        """Send flights that this process owns already; what cannot go out now can be claimed again. From any thread."""
        run = self._run
        if run is None or not run.call(self._take_in, run, flights):
            for flight in flights:
                self._queue.give_back(flight)

    def use(self, orders: Orders) -> None:
        """Go by another policy's orders, from now on: requests under way end by the old ones."""
        self._orders = orders
        run = self._run
        if run is not None:
            run.call(run.changed.set)

    def close(self, drain: float = 20.0) -> None:
        """Give what is ready or under way `drain` seconds; what then still waits stays queued."""
        with work, self._lock:
            run = self._run
            if run is None:
                return
            run.closing, run.drain = True, drain
        run.call(run.stop.set)
        if run.ended(drain + 10.0) and self._run is run:
            self._run = None

    def forked(self) -> None:
        """In a child: the thread, its loop and its connections are the parent's, which goes on with them."""
        forks.leave_behind(self._run)
        self._lock, self._run, self._home = threading.Lock(), None, None

    def _rouse(self, run: Run) -> None:
        for lane in run.lanes.values():
            lane.rouse()

    def _take_in(self, run: Run, flights: Sequence[Flight]) -> None:
        for flight in flights:
            lane = run.open.get(flight.destination)
            if lane is None or not lane.take(flight):
                self._queue.give_back(flight)

    def _deliver(self, run: Run) -> None:
        """The life of a run in a thread of its own."""
        try:
            with work, asyncio.Runner(loop_factory=lambda: run.loop) as runner:
                runner.run(self._main(run))
        finally:
            run.end()

    def _settle_in(self, run: Run) -> None:
        """The life of a run on a loop that runs already."""
        run.task = run.loop.create_task(self._main(run))
        run.task.add_done_callback(run.end)

    async def _main(self, run: Run) -> None:
        try:
            while not self._queue.lead():
                if run.stop.is_set():  # asked once more after that: the last process to end delivers what is left
                    return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LEAD):
                        await run.stop.wait()
            run.leading = True
            while True:
                run.changed.clear()
                try:
                    await self._lead(run)
                except Exception as error:  # noqa: BLE001  # delivery goes on, whatever it was
                    _log.error("the deliverer failed (%s) and begins again", type(error).__name__)
                    await asyncio.sleep(0.5)
                if run.stop.is_set():
                    return
        finally:
            run.leading = False
            self._queue.leave()

    async def _lead(self, run: Run) -> None:
        """Deliver until told to stop, or until the policy changes."""
        stop, changed = run.stop, run.changed
        orders = self._orders
        async with Sender(orders.timeout, orders.egress) as sender:
            around = Surroundings(self._queue, self._barrier, sender, self._metrics, self._clock, self._chance)
            lanes = {
                name: Lane(to, around, Breaker(self._chance, orders.timeout))
                for name, to in orders.destinations.items()
            }
            await self._take_over(lanes)
            run.lanes = run.open = lanes
            tasks = [asyncio.create_task(lane.run()) for lane in lanes.values()]
            watch = asyncio.create_task(self._watch(lanes))
            waits = [asyncio.create_task(stop.wait()), asyncio.create_task(changed.wait())]
            try:
                ended, _ = await asyncio.wait([*waits, watch, *tasks], return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    task.result()  # lanes and the watch end by an error only
                if stop.is_set():
                    await self._finish(lanes, run.drain)
            finally:
                run.open = {}
                for task in (*tasks, *waits):
                    task.cancel()
                await asyncio.gather(*tasks, *waits, return_exceptions=True)
                flying = [task for lane in lanes.values() for task in lane.tasks]
                if flying and not stop.is_set():
                    await asyncio.wait(flying, timeout=orders.timeout + 5.0)
                for task in (watch, *flying):
                    task.cancel()
                await asyncio.gather(watch, *flying, return_exceptions=True)
                run.lanes = {}

    async def _finish(self, lanes: Mapping[str, Lane], drain: float) -> None:
        """What can go out now does, as long as there is time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(drain):
                for lane in lanes.values():
                    lane.rouse(draining=True)
                while not all(lane.done() for lane in lanes.values()):
                    await asyncio.sleep(0.005)

    async def _take_over(self, lanes: Mapping[str, Lane]) -> None:
        """Settle what an ended deliverer, or an ended worker, left behind."""
        await self._settle_left(lanes, await asyncio.wrap_future(self._queue.recover()))

    async def _settle_left(self, lanes: Mapping[str, Lane], left: Recovered) -> None:
        for name, again in left.waiting:
            if name in lanes:
                lanes[name].resume([again])
        for flight in left.flights:
            if flight.destination in lanes:
                await lanes[flight.destination].unknown(flight)
        if left.flights:
            count = sum(len(flight.rows) for flight in left.flights)
            _log.warning("under way when the last deliverer ended: %s", counted(count, "delivery"))
        for name, (booked, there) in left.corrected.items():
            _log.error("the books of %s said %d queued, there are %d: corrected", name, booked, there)
        if left.buried:
            buried = counted(left.buried, "queued delivery")
            _log.warning("the policy no longer has the destinations of %s", buried)

    async def _watch(self, lanes: Mapping[str, Lane]) -> None:
        """Have the store looked after, and take over what deliverers of other machines left."""
        while True:
            await asyncio.sleep(LOOK)
            with contextlib.suppress(StorageError):
                due = self._queue.maintain()
                left = due.result() if due.done() else await asyncio.wrap_future(due)
                if left is not None:
                    await self._settle_left(lanes, left)
