"""The deliverer: one per node, whoever holds the lock file. A thread with an event loop of its own.

So hosts without a loop are served too, and a slow vendor is never in the host's way. The other workers hand over
by the database, which is looked at often enough. Whoever takes over first settles what the last one left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gatekeeper.audit.lines import Line
from gatekeeper.delivery.breaker import Breaker
from gatekeeper.delivery.lane import Lane, Surroundings
from gatekeeper.delivery.send import Sender
from gatekeeper.errors import StorageError
from gatekeeper.metrics import Metrics
from gatekeeper.storage.owners import Lock, folder
from gatekeeper.storage.sqlite import SqliteOutbox
from gatekeeper.vendors.kind import Destination

LOOK = 0.03  # seconds between two looks for what other workers accepted
TIDY = 60.0
WAL_LIMIT = 16 * 2**20  # bytes of write-ahead log before it is copied into the database
QUIET = 1.0  # seconds without a commit after which the write-ahead log, with what was delivered in it, is cut
REMOVED = "destination_removed"
_log = logging.getLogger("gatekeeper")


class Deliverer:
    """Delivers what is in the outbox, when it is this process's turn. `missing` says which lines the log lacks."""

    def __init__(
        self,
        outbox: SqliteOutbox,
        destinations: Mapping[str, Destination],
        *,
        missing: Callable[[Sequence[Line], float], list[Line]],
        metrics: Metrics,
        clock: Callable[[], float],
        timeout: float,
        dead_for: float,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._outbox = outbox
        self._destinations = destinations
        self._missing = missing
        self._metrics = metrics
        self._clock = clock
        self._timeout = timeout
        self._dead_for = dead_for
        self._chance = chance
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._changed: asyncio.Event | None = None
        self._drain = 20.0
        self._lanes: dict[str, Lane] = {}
        self.leading = False

    def start(self) -> None:
        """Be there; called with every event, and cheap."""
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

    def use(self, destinations: Mapping[str, Destination], timeout: float, dead_for: float) -> None:
        """Another policy's destinations, from now on: requests under way end by the old one."""
        self._destinations, self._timeout, self._dead_for = destinations, timeout, dead_for
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
            lane.more = True
            lane.wake.set()

    async def _main(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._changed = asyncio.Event()
        started.set()
        lock = Lock(folder(self._outbox.path) / "deliverer")
        try:
            while not lock.take():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await self._stop.wait()
                if self._stop.is_set():
                    return
            self.leading = True
            while not self._stop.is_set():
                self._changed.clear()
                try:
                    await self._lead()
                except Exception as error:  # noqa: BLE001  # delivery goes on, whatever it was
                    _log.error("the deliverer failed (%s) and begins anew", type(error).__name__)
                    await asyncio.sleep(0.5)
        finally:
            self.leading = False
            lock.release()

    async def _lead(self) -> None:
        """Deliver until told to stop, or until the policy changes."""
        stop, changed = self._stop, self._changed
        if stop is None or changed is None:
            return
        async with Sender(self._timeout) as sender:
            around = Surroundings(self._outbox, sender, self._metrics, self._clock, self._chance)
            lanes = {name: Lane(to, around, Breaker(self._chance)) for name, to in self._destinations.items()}
            await self._take_over(lanes)
            self._lanes = lanes
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
                for task in (*tasks, *waits):
                    task.cancel()
                await asyncio.gather(*tasks, *waits, return_exceptions=True)
                flying = [task for lane in lanes.values() for task in lane.flying]
                if flying and not stop.is_set():
                    await asyncio.wait(flying, timeout=self._timeout + 5.0)
                for task in (watch, *flying):  # withdrawals are heard as long as anything may begin
                    task.cancel()
                await asyncio.gather(watch, *flying, return_exceptions=True)
                self._lanes = {}

    async def _finish(self, lanes: Mapping[str, Lane]) -> None:
        """What can go out now does, as long as there is time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._drain):
                for lane in lanes.values():
                    lane.draining, lane.more, lane.empty = True, True, False
                    lane.wake.set()
                while not all(lane.done() for lane in lanes.values()):
                    await asyncio.sleep(0.005)

    async def _take_over(self, lanes: Mapping[str, Lane]) -> None:
        """Settle what an ended deliverer, or an ended worker, left behind."""
        while await asyncio.wrap_future(self._outbox.adopt(self._missing)):
            pass
        flights, waiting = await asyncio.wrap_future(self._outbox.abandoned())
        held = {row.id for flight in flights for row in flight.rows}
        for name, again in waiting:
            if name in lanes:
                lanes[name].resume([again])
        for flight in flights:
            if flight.destination in lanes:
                await lanes[flight.destination].unknown(flight)
        if held:
            _log.warning("%d deliveries were under way when the last deliverer ended", len(held))
        wrong = await asyncio.wrap_future(self._outbox.reckon())
        for name, (booked, there) in wrong.items():
            _log.error("the books of %s said %d queued, there are %d: corrected", name, booked, there)
        buried = await asyncio.wrap_future(self._outbox.bury(list(lanes), REMOVED))
        if buried:
            _log.warning("%d queued deliveries are for destinations that the policy no longer has", buried)

    async def _watch(self) -> None:
        """Look for what others accepted, for workers that ended, and after the house."""
        seen, rounds, tidied, last, cut = -1, 0, 0, 0, 0  # last: round of a commit; cut: of an emptied log
        wal = self._outbox.path.with_name(self._outbox.path.name + "-wal")
        while True:
            await asyncio.sleep(LOOK)
            rounds += 1
            with contextlib.suppress(StorageError):
                now = self._outbox.changed()
                if now != seen:
                    seen, last = now, rounds
                    await self._hear()
                    self._rouse()
                if rounds % 30 == 0:
                    size = _size(wal)
                    if size and ((rounds - last) * LOOK > QUIET or (rounds - cut) * LOOK > TIDY):
                        await asyncio.wrap_future(self._outbox.checkpoint(empty=True))
                        cut = rounds
                    elif size > WAL_LIMIT:
                        await asyncio.wrap_future(self._outbox.checkpoint())
                    if await asyncio.wrap_future(self._outbox.adopt(self._missing)):
                        self._rouse()
                if rounds % int(TIDY / LOOK) == 1:
                    await asyncio.wrap_future(self._outbox.tidy(self._dead_for, tidied))
                    tidied += 1

    async def _hear(self) -> None:
        """Begin no request with what was cancelled while it was under way, and say so."""
        unheard = self._outbox.unheard()
        for name, ids in unheard.items():
            if name in self._lanes:
                self._lanes[name].stopped |= ids
        if unheard:
            await asyncio.wrap_future(self._outbox.hear([one for ids in unheard.values() for one in ids]))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
