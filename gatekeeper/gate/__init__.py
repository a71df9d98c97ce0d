"""The order, written once: read → locate → resolve → decide → shape, then record, then deliver.

`Plan`s are made without acting (`plan`), then acted on (`take`): deliveries are kept, and may leave once the
decision lines are durable. An event takes the stages in `planning`, and they stand beside it: `event` (what was
posted, in the catalogue's fields), `situation` (where the visitor is and what they permit), `verdicts` (each
destination's decision), `settle` (what it says of what is sent). A call of a vendor's SDK takes the same stages in
`calls`. Nothing outside this room calls them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cached_property
from typing import Final

from gatekeeper import notices
from gatekeeper.audit.lines import Line, Lines
from gatekeeper.errors import DeliveryError, EventError
from gatekeeper.gate import bounds
from gatekeeper.gate.choosing import Choosing
from gatekeeper.gate.counted import Counted
from gatekeeper.gate.deciding import Deciding
from gatekeeper.gate.elements import Roles
from gatekeeper.gate.incoming import Posted
from gatekeeper.gate.planning import Planner
from gatekeeper.gate.ports import Counting, Recorder, Uncounted
from gatekeeper.gate.refusals import of_arrivals, refusal, then_swept
from gatekeeper.gate.settle import without_room
from gatekeeper.gate.situation import Situations
from gatekeeper.gate.suppressing import Suppressing
from gatekeeper.installation.forks import work
from gatekeeper.installation.ring import KeyRing
from gatekeeper.jurisdiction.place import Lookup
from gatekeeper.model import Caller, Consent, Place, Plan, Signal, Verdict, Visitor
from gatekeeper.model.reasons import INTERNAL
from gatekeeper.policy import Policy
from gatekeeper.scrub.meter import UNMETERED, Meter, Spent
from gatekeeper.storage.outbox import Accepted, Arrival, Job, Refusal
from gatekeeper.storage.protocols import Barrier, Intake, Ledger, Refusals, Suppressions

_BLOCK: Final = Verdict.BLOCK  # looked up once: an enum's member costs as much as a call
_FEWER: Final = "send fewer at once"


class Gate:
    """One policy with one ring of keys, at work. A change of either makes another gate."""

    def __init__(
        self,
        policy: Policy,
        keys: KeyRing,
        *,
        clock: Callable[[], float],
        new_id: Callable[[float], str],
        lookup: Lookup,
        recorder: Recorder,
        intake: Intake,
        refusals: Refusals,
        ledger: Ledger | None = None,
        barrier: Barrier | None = None,
        suppressions: Suppressions | None = None,
        metrics: Counting | None = None,
        arrived: Callable[[], None] = lambda: None,
        counted: Counted | None = None,
        remember: Callable[[Sequence[Plan]], None] = lambda plans: None,
        placed: Place | None = None,
    ) -> None:
        self.policy = policy
        self.keys = keys
        self.clock = clock
        self.recorder = recorder
        self.intake = intake
        self.refusals = refusals
        self.metrics: Counting = metrics or Uncounted()
        self._arrived = arrived
        self.remember = remember
        self._remembers = policy.file.rights.remember
        self.new_id = new_id
        self.counted = counted or Counted(recorder, new_id)
        self.deciding = Deciding(policy.catalogue, policy.words)
        self.lines = Lines(policy)
        self.barrier = barrier
        self.suppressing = Suppressing(keys, suppressions, policy.catalogue.identifying)
        self.choosing = None if ledger is None else Choosing(policy, keys, ledger)
        self.situations = Situations(policy, keys, lookup, self.lines, clock, self.choosing, placed)
        self._planner = Planner(policy, keys, self.situations, self.suppressing, self.deciding)

    def plan(self, posted: Posted, caller: Caller, *, at: float, request_id: str, meter: Meter = UNMETERED) -> Plan:
        """What would happen to an event, decided and shaped. Pure but for the look-ups it was given.

        Where the gate itself fails, every destination is blocked with `internal_error`. Raises Heavy where a brief
        `meter` does, and nothing else.
        """
        return self._planner.plan(posted, caller, at=at, request_id=request_id, meter=meter)

    @work
    def take(
        self, posted: Sequence[Posted], caller: Caller, *, ours: bool = False
    ) -> tuple[list[str], Future[Accepted]]:
        """Decide, keep, record. Returns the request ids and a future that is done when all is durable.

        The future has the request ids to answer with: a repeated event has its first one's. It fails with AuditError
        or StorageError if the decision or the deliveries could not be kept; then nothing is sent. Raises as
        `arrivals` does.
        """
        arrivals = self.arrivals(posted, caller, ours=ours)
        accepted = self.intake.accept(arrivals)
        refused = of_arrivals(arrivals)
        if refused:
            accepted = then_swept(accepted, lambda: self.refusals.sweep(refused))
        return [arrival.request_id for arrival in arrivals], accepted

    @work
    def arrivals(
        self,
        posted: Sequence[Posted],
        caller: Caller,
        *,
        ours: bool = False,
        received: int | None = None,
        brief: bool = False,
    ) -> list[Arrival]:
        """Decide: what `intake.accept` is to keep and record, and nothing is done with before.

        `ours`: the operator's own code sends it, as a trusted caller does. It never repeats a browser's event,
        and may fill a destination's queue to the last place. Where a queue has no room for all that goes there, that
        destination alone is blocked, and the arrivals name it.
        `received` is the size of the request in bytes; without it, what it may cause is not bounded. `brief`: Heavy
        is raised for what takes longer than an event loop may be kept for; then nothing was counted.

        Raises DeliveryError if withdrawals cannot be known, EventError if log or store would grow too much for what was
        received; then nothing may be written.
        """
        decided = self.generation()
        at = self.now()  # they arrived together
        meter = UNMETERED
        if received is not None:
            meter = bounds.brief_meter() if brief else bounds.meter(self.policy.file.limits, received)
        try:
            meter.look(sum([bounds.EVENT + len(one.data) for one in posted]))
        except Spent:
            raise EventError(413, "there are too many values for so small a body", detail=_FEWER) from None
        plans = [self._measured(one, caller, at, meter) for one in posted]
        ours = ours or caller.trusted
        counts: dict[str, int] = {}
        for name in [name for plan in plans for name in plan.shaped]:
            counts[name] = counts.get(name, 0) + 1
        crowded = frozenset([name for name, count in counts.items() if not self.intake.room(name, count, ours=ours)])
        no_room = [tuple(sorted(crowded.intersection(plan.shaped))) for plan in plans]
        if crowded:
            plans = [without_room(plan, crowded) for plan in plans]
        if self._remembers:
            self.remember(plans)
        for plan in plans:
            blocked = [(to.destination, to.reason or INTERNAL) for to in plan.decisions if to.verdict is _BLOCK]
            if blocked:
                self.metrics.decided(blocked)
            if blocked or notices.wanted():
                notices.of_event(plan)
        for plan, one in zip(plans, posted, strict=True):
            if ours and plan.event.unusable:
                notices.of_fields(plan.event.name, plan.event.unusable)
            if one.subject is not None and not caller.trusted:
                notices.of_subject()
        routed = self.lines.lines([plan for plan in plans if plan.decisions])
        if received is not None and not ours:
            grows = bounds.growth([line for _, line in routed], [one for plan in plans for one in plan.shaped.values()])
            if bounds.too_much(grows, lambda: received):
                raise EventError(413, "there are too many events for so small a body", detail=_FEWER)
        of_plan = iter(routed)
        told = [next(of_plan) if plan.decisions else self.counted.unrouted(self.lines, plan) for plan in plans]
        self._arrived()
        return [
            self._arrival(plan, one.id, ours, decided, full, *line)
            for plan, one, full, line in zip(plans, posted, no_room, told, strict=True)
        ]

    @work
    def sweep(self, arrivals: Sequence[Arrival]) -> Future[int] | None:
        """End what these arrivals, which are accepted, take back; `None` where nothing of it is queued."""
        refused = of_arrivals(arrivals)
        return self.refusals.sweep(refused) if refused else None

    def refusal_of(self, plan: Plan, event_time: float) -> Refusal | None:
        """What a plan's visitor takes back of what is queued; by an event of the past, of what happened up to then."""
        destinations = self.policy.destinations.values()
        return refusal(plan.consent, plan.subjects, destinations, at=plan.at, event_time=event_time)

    def _measured(self, one: Posted, caller: Caller, at: float, meter: Meter) -> Plan:
        """The plan of one event, timed where its time is wanted."""
        request_id = self.new_id(at)
        if self.metrics.timed():
            started = time.perf_counter()
            plan = self.plan(one, caller, at=at, request_id=request_id, meter=meter)
            self.metrics.took(time.perf_counter() - started)
            return plan
        return self.plan(one, caller, at=at, request_id=request_id, meter=meter)

    def _arrival(
        self,
        plan: Plan,
        event_id: str | None,
        ours: bool,
        decided: int | None,
        full: tuple[str, ...],
        request_id: str,
        line: Line | None,
    ) -> Arrival:
        return Arrival(
            request_id,
            None if event_id is None else self.keys.event_key(plan.event.name, event_id, ours=ours),
            plan.subjects,
            line,
            tuple([Job(name, plan.event.time, shaped.head, shaped.body) for name, shaped in plan.shaped.items()]),
            self.refusal_of(plan, plan.at if plan.inputs.held else plan.event.time),
            decided,
            full,
        )

    def generation(self) -> int | None:
        """How many withdrawals what is decided from now on knows of; `None` in a gate that sends nothing.

        Asked before the ledger is. Raises DeliveryError where it cannot be known: then nothing may be sent.
        """
        if self.barrier is None:
            return None
        epoch = self.barrier.now()
        if epoch is None:
            raise DeliveryError("it cannot be known what was withdrawn")
        return epoch.generation

    # What the host's own code and the endpoints ask of a caller, outside any event.

    def now(self) -> float:
        """The time as a line can hold it, in milliseconds: never later than it is."""
        return int(self.clock() * 1000 // 1) / 1000

    @cached_property
    def roles(self) -> Roles:
        """What the leaves of calls are, by the policy's catalogue."""
        return Roles(self.policy.catalogue, self.policy.words)

    def visitor(self, token: str, at: float) -> Visitor:
        """The visitor a context token speaks of."""
        return self.situations.visitor(token, at)

    def heard(self, caller: Caller) -> tuple[Signal, ...]:
        """The signals a caller carries."""
        return self.situations.heard(caller)

    @work
    def consent_of(self, caller: Caller, at: float) -> Consent:
        """What a caller's own signals add up to, before any event."""
        hidden = self.suppressing.of(caller, None)
        return self.situations.of(caller, at=at, event_time=at, query=caller.query, hidden=hidden).consent

    def place_of(self, caller: Caller) -> Place:
        """Where a caller's visitor is."""
        return self.situations.place_of(caller)
