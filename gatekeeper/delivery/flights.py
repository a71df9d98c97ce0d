"""What becomes of a flight: its request, divided where that helps, and the settling of its rows.

What may follow for a row is the table in `life.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from gatekeeper import notices
from gatekeeper.delivery.breaker import Breaker
from gatekeeper.delivery.halving import halve
from gatekeeper.delivery.life import FOLLOWS, UNKNOWN, WITHDRAWN, Event, State, ending, event_of
from gatekeeper.delivery.permit import WITHHELD, RowsPermit, Stopped
from gatekeeper.delivery.retry import pause
from gatekeeper.delivery.surroundings import Surroundings
from gatekeeper.errors import DeliveryError, StorageError
from gatekeeper.model import Fate, Outcome
from gatekeeper.model.reasons import INTERNAL
from gatekeeper.storage.outbox import ID, Again, Ending, Flight, Row
from gatekeeper.vendors.kind import Destination

# Refusals of the request as a whole, by any vendor: dividing it would only repeat them.
REFUSES_REQUEST: Final = frozenset({"http_401", "http_403", "http_404", "http_405"})
PAUSE: Final = 0.5  # seconds after the store has failed
LONGEST_ASKED: Final = 86_400.0  # seconds of a Retry-After
_log = logging.getLogger("gatekeeper")


class Flights:
    """Flies what one destination's lane claims. `later` takes rows that wait for another attempt,
    and until when: `Again.due` is what the vendor asked for, and the pause comes on top. `answered` is called when no
    further request is made with a flight: only the store does not know yet what became of it."""

    def __init__(
        self,
        to: Destination,
        around: Surroundings,
        breaker: Breaker,
        later: Callable[[Again, float], None],
        answered: Callable[[], None] = lambda: None,
    ) -> None:
        self._stopped = Stopped(around.barrier, to.name)  # cancelled while under way: no request with them begins
        self._to = to
        self._around = around
        self._breaker = breaker
        self._later = later
        self._answered = answered

    async def fly(self, flight: Flight) -> None:
        """From the claim to the settling."""
        now, limit = self._around.clock(), self._to.max_age
        old = [row for row in flight.rows if now - row.event_time > limit]
        if old:
            fresh = tuple(row for row in flight.rows if now - row.event_time <= limit)
            await self._settle(flight, [ending(Event.TOO_OLD, None, old)], landed=not fresh)
            if not fresh:
                return
            flight = flight._replace(rows=fresh)
        try:
            answered = await self._answers(flight)
        except asyncio.CancelledError:  # stopped while it was under way: the vendor may have it, or not
            await self.unknown(flight)
            raise
        except Exception as error:  # noqa: BLE001  # one bad batch must not end a destination's delivery
            _log.error("delivering to %s failed (%s)", self._to.name, type(error).__name__)
            await self._settle(flight, [ending(Event.UNSENDABLE, None, flight.rows)])
            return
        endings, waiting, why = self._sort(flight, answered)
        self._answered()
        await self._settle(flight, endings, waiting, why, began=now)

    async def unknown(self, flight: Flight) -> None:
        """Settle a flight of which it is not known whether the vendor has it.

        It is tried again where, and as long as, the vendor tells repetitions apart.
        """
        window, now = self._to.kind.dedupes_for, self._around.clock()
        limit = -1.0 if window is None else min(window, self._to.max_age)
        may = tuple(row for row in flight.rows if now - row.event_time <= limit and window is not None)
        never = [row for row in flight.rows if row not in may]
        again = [Again(now, flight.attempt, tuple(row.id for row in may))] if may else []
        await self._settle(flight, [ending(Event.UNKNOWN, None, never)] if never else [], again, UNKNOWN)

    async def _answers(self, flight: Flight) -> list[tuple[Row, Outcome]]:
        """Every row's outcome, after as many requests as that takes."""
        rows = flight.rows
        outcomes = await self._ask(rows)
        if len(rows) == 1 or not self._spoiled(outcomes):
            return list(zip(rows, outcomes, strict=True))
        search = halve(rows, outcomes, self._spoiled)
        try:
            part = next(search)
            while True:
                part = search.send(await self._ask(part))
        except StopIteration as end:
            parts: list[tuple[Sequence[Row], Sequence[Outcome]]] = end.value
        return [
            (row, outcome)
            for part, answer in parts
            for row, outcome in zip(part, answer if len(answer) == len(part) else [answer[0]] * len(part), strict=True)
        ]

    async def _ask(self, rows: Sequence[Row]) -> tuple[Outcome, ...]:
        """One request, without what was cancelled meanwhile; no answer is an outcome, too."""
        stopped = self._stopped.rows
        if stopped and not stopped.isdisjoint(map(ID, rows)):
            going = [row for row in rows if row.id not in stopped]
            answered = dict(zip((row.id for row in going), await self._ask(going) if going else (), strict=True))
            return tuple(answered.get(row.id, WITHDRAWN) for row in rows)
        module = self._to.shapes
        outgoing = module.assemble(self._to, rows[0].head.encode(), [row.body.encode() for row in rows])
        started = self._around.clock()
        try:
            permit = RowsPermit(self._stopped, [*map(ID, rows)])
            outcomes = module.read_answer(await self._around.sender.send(outgoing, permit=permit), len(rows))
        except DeliveryError as error:
            if str(error) == WITHHELD:
                if self._stopped.rows.isdisjoint(map(ID, rows)):  # it cannot be known now
                    return (Outcome(Fate.RETRY, WITHHELD),) * len(rows)
                return await self._ask(rows)
            if str(error) == INTERNAL:  # it can never be sent
                raise
            outcomes = (Outcome(Fate.RETRY, str(error)),) * len(rows)
        if len(outcomes) != len(rows):
            raise ValueError("a kind gave another number of outcomes than there were events")
        now = self._around.clock()
        self._around.metrics.asked(self._to.name, len(rows), now - started)
        if all(outcome.fate is Fate.RETRY for outcome in outcomes):
            self._breaker.failed(now, started, outcomes[0].retry_after, outcomes[0].why or UNKNOWN)
        else:
            self._breaker.succeeded(now, started)
        for one in outcomes:
            if one.fate is Fate.DEAD:
                notices.of_refusal(self._to.name, one.why or UNKNOWN)
        return outcomes

    def _spoiled(self, outcomes: Sequence[Outcome]) -> bool:
        """Whether all of a request were refused together, for something that one event may have caused."""
        why = outcomes[0].why
        about_all = why in REFUSES_REQUEST or why in self._to.kind.refuses_request
        return all(outcome.fate is Fate.DEAD for outcome in outcomes) and not about_all

    def _sort(
        self, flight: Flight, answered: Sequence[tuple[Row, Outcome]]
    ) -> tuple[list[Ending], list[Again], str | None]:
        """What ends, and what is tried again when."""
        first = answered[0][1]
        if first.fate is Fate.DELIVERED and all(outcome is first for _, outcome in answered):
            return [ending(Event.TAKEN, first.why, flight.rows)], [], None
        ends: dict[tuple[Event, str | None], list[Row]] = {}
        waits: dict[float | None, list[Row]] = {}
        why = None
        for row, outcome in answered:
            event = event_of(outcome, self._to.kind, flight.attempt)
            if FOLLOWS[State.UNDER_WAY, event] is State.WAITING:
                waits.setdefault(outcome.retry_after, []).append(row)
                why = outcome.why
            else:
                ends.setdefault((event, outcome.why), []).append(row)
        now = self._around.clock()
        again = [
            Again(now + min(asked or 0.0, LONGEST_ASKED), flight.attempt, tuple(row.id for row in rows))
            for asked, rows in waits.items()
        ]
        return [ending(event, code, rows) for (event, code), rows in ends.items()], again, why

    async def _settle(
        self,
        flight: Flight,
        endings: Sequence[Ending],
        again: Sequence[Again] = (),
        why: str | None = None,
        *,
        landed: bool = True,
        began: float | None = None,
    ) -> None:
        """Until the store has it: what was sent must not be sent again for want of disk.

        The pause before another attempt counts from when this one `began`: one that hung has waited already.
        """
        while True:
            try:
                settled = self._around.queue.settle(flight, endings, again, why, landed)
                await asyncio.shield(asyncio.wrap_future(settled))
                break
            except StorageError:
                await asyncio.sleep(PAUSE)
        for wait in again:
            self._later(wait, 0.0 if began is None else began + pause(wait.attempt, self._around.chance))
