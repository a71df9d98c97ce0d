"""One destination's way out: rows claimed in batches, sent, settled. A dead vendor delays nobody but itself."""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gatekeeper.delivery.breaker import Breaker
from gatekeeper.delivery.halving import halve
from gatekeeper.delivery.retry import pause
from gatekeeper.delivery.send import NO_ANSWER, UNREACHABLE, Sender
from gatekeeper.errors import DeliveryError, StorageError
from gatekeeper.metrics import Metrics
from gatekeeper.model import Fate, Outcome
from gatekeeper.reasons import INTERNAL
from gatekeeper.storage.outbox import CANCELLED, DEAD, DELIVERED, EXPIRED, Again, Ending, Flight, Row
from gatekeeper.storage.rows import ID
from gatekeeper.storage.sqlite import SqliteOutbox
from gatekeeper.vendors.kind import Destination

CONCURRENT = 16  # requests under way to one destination
UNKNOWN = "unknown"  # nobody can tell whether the vendor has it
WITHDRAWN = Outcome(Fate.RETRY, "consent_withdrawn")  # not asked: stopped before its request began
# Refusals that are about the request as a whole: dividing it would only repeat them.
_NOT_ABOUT_EVENTS = (
    "http_401",
    "http_403",
    "http_404",
    "http_405",
    "meta_190",
    "meta_200",
    "tiktok_40105",
    "tiktok_40001",
)
_log = logging.getLogger("gatekeeper")


@dataclass(slots=True)
class Surroundings:
    """What all lanes share."""

    outbox: SqliteOutbox
    sender: Sender
    metrics: Metrics
    clock: Callable[[], float]
    chance: Callable[[], float]


@dataclass(eq=False, slots=True)
class Lane:
    """Claims for one destination until it is stopped."""

    to: Destination
    around: Surroundings
    breaker: Breaker
    after: int = 0  # rows up to here were claimed before
    again: list[tuple[float, int, Again]] = field(default_factory=list)  # a heap by time
    busy: set[int] = field(default_factory=set)
    stopped: set[int] = field(default_factory=set)  # cancelled while under way: no request with them begins
    flying: set[asyncio.Task[None]] = field(default_factory=set)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    more: bool = True
    draining: bool = False
    claimed_at: float = 0.0
    empty: bool = False
    claiming: bool = False

    def resume(self, waiting: Sequence[Again]) -> None:
        """Go on with what an earlier deliverer left waiting."""
        for one in waiting:
            self._later(one)

    def done(self) -> bool:
        """Whether nothing is under way, and nothing more can go out now."""
        barred = self.breaker.open or self.breaker.until > self.around.clock()
        return not self.claiming and not self.flying and (self.empty or barred)

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self.wake.clear()
            self.claiming = True  # who stops now leaves rows behind that nobody has sent, and nobody knows it
            try:
                await self._claim()
            except StorageError:
                await asyncio.sleep(0.5)
            finally:
                self.claiming = False
            timeout = self._sleep()
            try:
                async with asyncio.timeout(timeout):
                    await self.wake.wait()
            except TimeoutError:
                self.more = True
            if self.around.clock() - self.claimed_at < self.to.kind.batch_wait and not self._full():
                await asyncio.sleep(max(0.0, self.to.kind.batch_wait - (self.around.clock() - self.claimed_at)))

    def _full(self) -> bool:
        return self.draining or self.around.outbox.waiting(self.to.name) - len(self.busy) >= self.to.kind.batch_events

    def _sleep(self) -> float:
        now = self.around.clock()
        times = [5.0]
        if self.again:
            times.append(max(self.again[0][0], self.breaker.until) - now)
        if self.more and len(self.flying) < CONCURRENT:
            times.append(self.breaker.until - now if self.breaker.until > now else 0.0)
        if self.breaker.open and self.flying:
            times = [5.0]
        return max(0.001, min(times))

    async def _claim(self) -> None:
        now = self.around.clock()
        while self.again and self.again[0][0] <= now and self._may():
            _, _, again = heapq.heappop(self.again)
            flight = await asyncio.wrap_future(self.around.outbox.claim_again(self.to.name, again))
            self.busy.difference_update(again.ids)
            if flight is not None:
                self._take_off(flight)
        while self.more and self._may():
            kind = self.to.kind
            room = 1 if self.breaker.open else CONCURRENT - len(self.flying)
            self.more = False
            self.claimed_at = self.around.clock()
            claimed = await asyncio.wrap_future(
                self.around.outbox.claim(
                    self.to.name,
                    after=self.after,
                    events=kind.batch_events,
                    size=kind.batch_bytes,
                    flights=room,
                    busy=self.busy,
                )
            )
            self.after, self.more = claimed.after, self.more or claimed.more
            self.empty = not claimed.flights and not claimed.more
            for flight in claimed.flights:
                self._take_off(flight)

    def _may(self) -> bool:
        return len(self.flying) < CONCURRENT and self.breaker.allows(self.around.clock(), len(self.flying))

    def _take_off(self, flight: Flight) -> None:
        self.busy.update(map(ID, flight.rows))
        task = asyncio.get_running_loop().create_task(self._fly(flight))
        self.flying.add(task)
        task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self.flying.discard(task)
        self.wake.set()
        if not task.cancelled() and task.exception() is not None:
            _log.error("settling for %s failed (%s)", self.to.name, type(task.exception()).__name__)

    def _later(self, again: Again) -> None:
        self.busy.update(again.ids)
        heapq.heappush(self.again, (again.due, again.ids[0], again))

    async def _fly(self, flight: Flight) -> None:
        now = self.around.clock()
        limit = self.to.max_age
        old = tuple([row for row in flight.rows if now - row.event_time > limit])
        if old:
            fresh = tuple(row for row in flight.rows if now - row.event_time <= limit)
            await self._settle(flight, [Ending(EXPIRED, "expired", old)], [], None, landed=not fresh)
            if not fresh:
                return
            flight = flight._replace(rows=fresh)
        try:
            answered = await self._answers(flight)
        except asyncio.CancelledError:  # stopped while it was under way: the vendor may have it, or not
            await self.unknown(flight)
            raise
        except Exception as error:  # noqa: BLE001  # one bad batch must not end a destination's delivery
            _log.error("delivering to %s failed (%s)", self.to.name, type(error).__name__)
            await self._settle(flight, [Ending(DEAD, INTERNAL, flight.rows)], [], None, landed=True)
            return
        endings, waiting, why = self._sort(flight, answered)
        await self._settle(flight, endings, waiting, why, landed=True)

    async def unknown(self, flight: Flight) -> None:
        """Nobody knows whether the vendor has it: tried again where the vendor tells repetitions apart."""
        window = self.to.kind.dedupes_for
        now = self.around.clock()
        if window is not None:
            may = tuple(row for row in flight.rows if now - row.event_time <= min(window, self.to.max_age))
        else:
            may = ()
        never = tuple(row for row in flight.rows if row not in may)
        again = [Again(now, flight.attempt, tuple(row.id for row in may))] if may else []
        await self._settle(flight, [Ending(DEAD, UNKNOWN, never)] if never else [], again, UNKNOWN, landed=True)

    async def _answers(self, flight: Flight) -> list[tuple[Row, Outcome]]:
        """Every row's outcome, after as many requests as that takes."""
        rows = flight.rows
        outcomes = await self._ask(rows)
        if len(rows) == 1 or not _spoiled(outcomes):
            return list(zip(rows, outcomes, strict=True))
        search = halve(rows, outcomes, _spoiled)
        try:
            part = next(search)
            while True:
                part = search.send(await self._ask(part))
        except StopIteration as end:
            found: list[tuple[Sequence[Row], Sequence[Outcome]]] = end.value
        return [
            (row, outcome)
            for part, answer in found
            for row, outcome in zip(part, answer if len(answer) == len(part) else [answer[0]] * len(part), strict=True)
        ]

    async def _ask(self, rows: Sequence[Row]) -> tuple[Outcome, ...]:
        """One request, without what was cancelled meanwhile; no answer is an outcome, too."""
        if self.stopped and not self.stopped.isdisjoint(map(ID, rows)):
            going = [row for row in rows if row.id not in self.stopped]
            answered = dict(zip((row.id for row in going), await self._ask(going) if going else (), strict=True))
            return tuple(answered.get(row.id, WITHDRAWN) for row in rows)
        module = self.to.shapes
        outgoing = module.assemble(self.to, rows[0].head.encode(), [row.body.encode() for row in rows])
        started = self.around.clock()
        try:
            outcomes = module.read_answer(await self.around.sender.send(outgoing), len(rows))
        except DeliveryError as error:
            if str(error) == INTERNAL:  # it can never be sent
                raise
            outcomes = (Outcome(Fate.RETRY, str(error)),) * len(rows)
        if len(outcomes) != len(rows):
            raise ValueError("a kind gave another number of outcomes than there were events")
        now = self.around.clock()
        self.around.metrics.asked(self.to.name, len(rows), now - started)
        if all(outcome.fate is Fate.RETRY for outcome in outcomes):
            self.breaker.failed(now, outcomes[0].retry_after)
        else:
            self.breaker.succeeded()
        return outcomes

    def _sort(
        self, flight: Flight, answered: Sequence[tuple[Row, Outcome]]
    ) -> tuple[list[Ending], list[Again], str | None]:
        """What ends, and what is tried again when."""
        first = answered[0][1]
        if first.fate is Fate.DELIVERED and all(outcome is first for _, outcome in answered):
            return [Ending(DELIVERED, first.why, flight.rows)], [], None
        ends: dict[tuple[str, str | None], list[Row]] = {}
        waits: dict[float | None, list[Row]] = {}
        why = None
        kind = self.to.kind
        for row, outcome in answered:
            never_sent = outcome.why == UNREACHABLE
            if outcome.fate is Fate.DELIVERED:
                ends.setdefault((DELIVERED, outcome.why), []).append(row)
            elif outcome is WITHDRAWN:
                ends.setdefault((CANCELLED, None), []).append(row)
            elif outcome.fate is Fate.DEAD:
                ends.setdefault((DEAD, outcome.why), []).append(row)
            elif kind.dedupes_for is None and outcome.why in NO_ANSWER:
                ends.setdefault((DEAD, UNKNOWN), []).append(row)
            elif kind.max_attempts is not None and flight.attempt >= kind.max_attempts and not never_sent:
                ends.setdefault((DEAD, f"dead:{outcome.why}"), []).append(row)
            else:
                waits.setdefault(outcome.retry_after, []).append(row)
                why = outcome.why
        now = self.around.clock()
        again = [
            Again(now + pause(flight.attempt, asked, self.around.chance), flight.attempt, tuple(r.id for r in rows))
            for asked, rows in waits.items()
        ]
        return [Ending(state, code, tuple(rows)) for (state, code), rows in ends.items()], again, why

    async def _settle(
        self, flight: Flight, endings: Sequence[Ending], again: Sequence[Again], why: str | None, *, landed: bool
    ) -> None:
        """Until the store has it: what was sent must not be sent again for want of disk."""
        while True:
            try:
                settled = self.around.outbox.settle(flight, endings, again, why, landed)
                await asyncio.shield(asyncio.wrap_future(settled))
                break
            except StorageError:
                await asyncio.sleep(0.5)
        for ending in endings:
            self.busy.difference_update(map(ID, ending.rows))
        if landed and self.stopped:
            self.stopped.difference_update(row.id for row in flight.rows)
        for one in again:
            self._later(one)


def _spoiled(outcomes: Sequence[Outcome]) -> bool:
    """Whether all of a request were refused together, for something that one event may have caused."""
    return all(one.fate is Fate.DEAD for one in outcomes) and outcomes[0].why not in _NOT_ABOUT_EVENTS
