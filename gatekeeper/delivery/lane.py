"""One destination's way out: rows claimed in batches and sent. A vendor that does not answer delays only its own rows.

`FOLLOWS` is what a lane knows of its queue; `flights.py` is what becomes of what it claims.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from gatekeeper.delivery.breaker import CONCURRENT, Breaker
from gatekeeper.delivery.flights import Flights
from gatekeeper.delivery.surroundings import Surroundings
from gatekeeper.errors import StorageError
from gatekeeper.model.states import Follows
from gatekeeper.storage.outbox import Again, Flight, Trouble
from gatekeeper.vendors.kind import Destination, Kind

MOST: Final = 64  # requests under way to one destination, those included that later ones have overtaken
IDLE: Final = 5.0  # seconds after which a lane looks for rows that it was not told of
PAUSE: Final = 0.5  # seconds after the store has failed
_log = logging.getLogger("gatekeeper")


class Look(StrEnum):
    """What a lane knows of its queue."""

    ROWS = "there may be rows"
    CLAIMING = "claiming"
    OVERTAKEN = "claiming, and more may have come"
    TAKEN = "all rows are claimed"
    EMPTY = "there was nothing"


class Event(StrEnum):
    """What a lane learns of it."""

    ROUSED = "rows may have come"
    CLAIM = "a claim begins"
    SOME = "there may be more than was claimed"
    LAST = "the last rows are claimed"
    NONE = "there was nothing to claim"
    FAILED = "the store fails"


FOLLOWS: Final[Follows[Look, Event]] = {
    (Look.ROWS, Event.ROUSED): Look.ROWS,
    (Look.ROWS, Event.CLAIM): Look.CLAIMING,
    (Look.CLAIMING, Event.SOME): Look.ROWS,
    (Look.CLAIMING, Event.LAST): Look.TAKEN,
    (Look.CLAIMING, Event.NONE): Look.EMPTY,
    (Look.CLAIMING, Event.FAILED): Look.ROWS,
    (Look.CLAIMING, Event.ROUSED): Look.OVERTAKEN,
    (Look.OVERTAKEN, Event.ROUSED): Look.OVERTAKEN,
    (Look.OVERTAKEN, Event.SOME): Look.ROWS,
    (Look.OVERTAKEN, Event.LAST): Look.ROWS,
    (Look.OVERTAKEN, Event.NONE): Look.ROWS,
    (Look.OVERTAKEN, Event.FAILED): Look.ROWS,
    (Look.TAKEN, Event.ROUSED): Look.ROWS,
    (Look.TAKEN, Event.CLAIM): Look.CLAIMING,  # of rows whose waiting is over
    (Look.EMPTY, Event.ROUSED): Look.ROWS,
    (Look.EMPTY, Event.CLAIM): Look.CLAIMING,
}


class Timers:
    """When a lane has something to do: rows that wait, and how long it gathers. Unix seconds."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Again]] = []  # a heap, by when they are wanted
        self._number = itertools.count()
        self.claimed_at = 0.0

    def later(self, again: Again, at: float = 0.0) -> None:
        """Let rows wait for another attempt, until `at`; in any case as long as the vendor asked for."""
        heapq.heappush(self._waiting, (max(at, again.due), next(self._number), again))

    def hasten(self) -> None:
        """Let rows wait no longer than the vendor asked for: it works again."""
        self._waiting = [(again.due, number, again) for _, number, again in self._waiting]
        heapq.heapify(self._waiting)

    def due(self, now: float) -> Again | None:
        """Rows whose waiting is over, taken out."""
        return heapq.heappop(self._waiting)[2] if self._waiting and self._waiting[0][0] <= now else None

    def probe(self, now: float) -> Again | None:
        """One row to probe a failing vendor with, taken out: of those that were tried the longest ago."""
        self.hasten()
        again = self.due(now)
        if again is not None and len(again.ids) > 1:
            self.later(again._replace(ids=again.ids[1:]))
            again = again._replace(ids=again.ids[:1])
        return again

    def sleep(self, now: float, *, rows: bool, breaker: Breaker, under_way: int) -> float:
        """Seconds until there is something to do, unless the lane is woken before; `rows`: some may be there."""
        times = [IDLE]
        may = breaker.next(now, under_way)
        if may is not None and (rows or self._waiting):
            times.append((may if rows else max(may, self._waiting[0][0])) - now)
        return max(0.001, min(times))

    def gather(self, now: float, kind: Kind) -> float:
        """Seconds for which a busy destination gathers before its next claim."""
        return max(0.0, kind.batch_wait - (now - self.claimed_at))


class Lane:
    """Claims for one destination until it is stopped."""

    def __init__(self, to: Destination, around: Surroundings, breaker: Breaker) -> None:
        self.to = to
        self.look = Look.ROWS
        self.timers = Timers()
        self.flying: dict[asyncio.Task[None], float] = {}  # and when each began
        self.settling: set[asyncio.Task[None]] = set()  # answered; the store is being told
        self.draining = False
        self._around = around
        self._breaker = breaker
        self.flights = Flights(to, around, breaker, self.timers.later, self._answered)
        self.alarm = asyncio.Event()
        breaker.turned = self._turned

    def resume(self, waiting: Sequence[Again]) -> None:
        """Go on with what an earlier deliverer left waiting."""
        for again in waiting:
            self.timers.later(again)

    async def unknown(self, flight: Flight) -> None:
        """Settle a flight of an earlier deliverer: the vendor may have it."""
        await self.flights.unknown(flight)

    def rouse(self, *, draining: bool = False) -> None:
        """Rows may have come; `draining`: do not gather any more."""
        self.draining = self.draining or draining
        self.step(Event.ROUSED)
        self.alarm.set()

    def step(self, event: Event) -> None:
        """Let an event happen."""
        self.look = FOLLOWS[self.look, event]

    def done(self) -> bool:
        """Whether nothing is under way, and nothing more can go out now."""
        barred = self._breaker.open or self._breaker.until > self._around.clock()
        claiming = self.look in (Look.CLAIMING, Look.OVERTAKEN)  # it may have rows already that no request was made of
        return not claiming and not self.tasks and (self.look is Look.EMPTY or barred)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """One for each flight that has not ended."""
        return [*self.flying, *self.settling]

    def take(self, flight: Flight) -> bool:
        """Send a flight that this process owns already, unless that would be one request too many."""
        if not self._may():
            return False
        self._take_off(flight)
        return True

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self.alarm.clear()
            try:
                await self.claim()
            except StorageError:
                self.step(Event.FAILED)
                await asyncio.sleep(PAUSE)
            rows = self.look is Look.ROWS
            timeout = self.timers.sleep(
                self._around.clock(), rows=rows, breaker=self._breaker, under_way=self._under_way()
            )
            try:
                async with asyncio.timeout(timeout):
                    await self.alarm.wait()
            except TimeoutError:
                self.step(Event.ROUSED)
            gather = self.timers.gather(self._around.clock(), self.to.kind)
            if gather > 0 and not self._full():
                await asyncio.sleep(gather)

    def _full(self) -> bool:
        return self.draining or self._around.queue.ready(self.to.name) >= self.to.kind.batch_events

    async def claim(self) -> None:
        """Claim what may go now, and begin its requests. Raises StorageError."""
        queue, kind = self._around.queue, self.to.kind
        if not self._probes():  # else what was never tried goes first: what spoils its request must not be all probes
            await self._claim_again()
        while self.look is Look.ROWS and self._may():
            self.step(Event.CLAIM)
            self.timers.claimed_at = self._around.clock()
            events, room = kind.batch_events, CONCURRENT - self._under_way()
            if self._probes():
                events = room = 1
            claimed = await asyncio.wrap_future(
                queue.claim(self.to.name, events=events, size=kind.batch_bytes, flights=room)
            )
            for flight in claimed.flights:
                self._take_off(flight)
            self.step(Event.SOME if claimed.more else Event.LAST if claimed.flights else Event.NONE)
        await self._claim_again()

    async def _claim_again(self) -> None:
        """Claim rows whose waiting is over."""
        while self._may() and (again := self._next(self._around.clock())) is not None:
            self.step(Event.CLAIM)
            try:
                flight = await asyncio.wrap_future(self._around.queue.claim_again(self.to.name, again))
            except StorageError:
                self.timers.later(again)
                raise
            if flight is not None:
                self._take_off(flight)
            self.step(Event.SOME)

    def _next(self, now: float) -> Again | None:
        return self.timers.probe(now) if self._probes() else self.timers.due(now)

    def _under_way(self) -> int:
        return self._breaker.under_way(self.flying.values())

    def _probes(self) -> bool:
        return self._breaker.probes(self._under_way())

    def _may(self) -> bool:
        return len(self.flying) + len(self.settling) < MOST and self._breaker.allows(
            self._around.clock(), self._under_way()
        )

    def _turned(self) -> None:
        """The vendor begins to fail, or works again: then what waits goes at once."""
        breaker = self._breaker
        if breaker.open:
            _log.warning("%s takes nothing (%s); its events wait, and are tried again", self.to.name, breaker.why)
        else:
            _log.warning("%s answers again", self.to.name)
            self.timers.hasten()
        self._around.queue.troubled(self.to.name, Trouble(breaker.since, breaker.why) if breaker.open else None)
        self.alarm.set()

    def _take_off(self, flight: Flight) -> None:
        now = self._around.clock()
        self._breaker.begins(now, self._under_way())
        task = asyncio.get_running_loop().create_task(self.flights.fly(flight))
        self.flying[task] = now
        task.add_done_callback(self._landed)

    def _answered(self) -> None:
        """The flight of this task needs its place no longer: the next claim goes into one commit with its end."""
        task = asyncio.current_task()
        if task is not None and self.flying.pop(task, None) is not None:
            self.settling.add(task)
            self.alarm.set()

    def _landed(self, task: asyncio.Task[None]) -> None:
        self.flying.pop(task, None)
        self.settling.discard(task)
        self.alarm.set()
        if not task.cancelled() and task.exception() is not None:
            _log.error("settling for %s failed (%s)", self.to.name, type(task.exception()).__name__)
