"""The order, written once: read → locate → resolve → decide → shape, then record, then deliver.

`Plan`s are made without acting (`plan`), then acted on (`take`): deliveries are kept, and may leave once the
decision lines are durable. The stages stand beside this file: `event` (what was posted, in the catalogue's fields),
`situation` (where the visitor is and what they permit), `verdicts` (each destination's decision), `settle` (what it
says of what is sent). A call of a vendor's SDK takes the same stages in `calls`. Nothing outside this room calls them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cached_property
from typing import Final

from msgspec import structs

from gatekeeper import notices
from gatekeeper.audit import subjects
from gatekeeper.audit.lines import Line, Lines
from gatekeeper.consent.token import held_since
from gatekeeper.errors import DeliveryError, EventError
from gatekeeper.gate import bounds
from gatekeeper.gate.choosing import Choosing
from gatekeeper.gate.counted import Counted
from gatekeeper.gate.deciding import Deciding
from gatekeeper.gate.elements import Roles
from gatekeeper.gate.event import canonical
from gatekeeper.gate.incoming import Posted
from gatekeeper.gate.persons import known_by, left_by, subjects_of
from gatekeeper.gate.ports import Counting, Recorder, Uncounted
from gatekeeper.gate.refusals import of_arrivals, refusal, then_swept
from gatekeeper.gate.settle import failed, unnamed, without_room
from gatekeeper.gate.situation import Situations, age_of
from gatekeeper.gate.suppressing import Suppressing, without_person
from gatekeeper.gate.verdicts import Verdicts
from gatekeeper.installation.forks import work
from gatekeeper.installation.ring import KeyRing
from gatekeeper.jurisdiction.place import Lookup
from gatekeeper.model import Caller, Consent, Event, Inputs, Place, Plan, Shaped, Signal, Verdict, Visitor
from gatekeeper.model.reasons import INTERNAL
from gatekeeper.policy import Policy
from gatekeeper.scrub.fields import Scrubber
from gatekeeper.scrub.meter import UNMETERED, Heavy, Meter, Spent
from gatekeeper.scrub.taint import declared
from gatekeeper.storage.outbox import Accepted, Arrival, Job, Refusal
from gatekeeper.storage.protocols import Barrier, Intake, Ledger, Refusals, Suppressions

_BLOCK: Final = Verdict.BLOCK  # looked up once: an enum's member costs as much as a call
_FEWER: Final = "send fewer at once"
_log = logging.getLogger("gatekeeper")


class Gate:
    """One policy, at work."""

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
        self.deciding = Deciding(policy.catalogue)
        self.lines = Lines(policy)
        self.barrier = barrier
        self.suppressing = Suppressing(lambda: self.keys, suppressions, policy.catalogue.identifying)
        self.choosing = None if ledger is None else Choosing(policy, lambda: self.keys, ledger)
        self.situations = Situations(policy, keys, lookup, self.lines, clock, self.choosing)

    def plan(self, posted: Posted, caller: Caller, *, at: float, request_id: str, meter: Meter = UNMETERED) -> Plan:
        """What would happen to an event, decided and shaped. Pure but for the look-ups it was given.

        Where the gate itself fails, every destination is blocked with `internal_error`. Raises Heavy where a brief
        `meter` does, and nothing else.
        """
        try:
            return self._plan(posted, caller, at, request_id, meter)
        except Heavy:
            raise
        except Exception as error:  # noqa: BLE001  # fail closed, whatever it is
            # The traceback's locals hold the visitor's data: the class of the error is all that is logged.
            _log.error("the gate failed on an event (%s); it was blocked", type(error).__name__)
            event = Event(posted.name, request_id, at, {})
            place = Place(None, None, "unknown", (self.policy.laws.strictest,))
            blocked = tuple(failed(to) for to in self.policy.destinations_for(posted.name))
            return Plan(request_id, at, event, place, None, blocked, {}, ())

    def _plan(self, posted: Posted, caller: Caller, at: float, request_id: str, meter: Meter) -> Plan:
        policy, keys = self.policy, self.keys
        since = None if posted.held is None or caller.trusted else held_since(posted.held, at=at, verify=keys.verify)
        event = canonical(policy, posted, caller, at=at, request_id=request_id, since=since)
        held = since is not None and event.time != at
        place, consent, hidden = self.situations.of(
            caller, at=at, event_time=at if held else event.time, query=caller.query, claim=posted.consent,
            carried=posted.flags, declared=posted.place, named=posted.subject,
            hidden=self.suppressing.of(caller, event, posted),
        )  # fmt: skip
        if hidden:
            event = without_person(event, policy.catalogue)
        scrubber = Scrubber(policy.catalogue, declared(posted.data.items()), meter)
        event = scrubber.envelope(event, request_id)
        verdicts = Verdicts(event, place, consent, at, scrubber=scrubber, deciding=self.deciding,
                            keys=keys, catalogue=policy.catalogue)  # fmt: skip
        decisions = []
        shaped: dict[str, Shaped] = {}
        refused = event.name != posted.name
        for to in policy.destinations_for(posted.name):
            if refused:
                decisions.append(unnamed(to))
                continue
            try:
                decision, outgoing = verdicts.of(to)
            except Heavy:
                raise
            except Exception as error:  # noqa: BLE001  # fail closed; the other destinations are not harmed
                _log.error("the gate failed on an event for %s (%s); blocked", to.name, type(error).__name__)
                decision, outgoing = failed(to), None
            decisions.append(decision)
            if outgoing is not None:
                shaped[to.name] = outgoing
        left = subjects.identifiers(event.data, policy.catalogue.identifying, [one.sent for one in shaped.values()])
        about = () if hidden else subjects_of(keys, caller, consent, [*left, *verdicts.derived], posted)
        inputs = Inputs("event", age_of(caller), posted.purposes, verdicts.vendors, verdicts.unfit, refused, held)
        made = Plan(request_id, at, event, place, consent, tuple(decisions), shaped, about, inputs)
        if not self._remembers or hidden:
            return made
        identifying = policy.catalogue.identifying
        sent = left_by(event, shaped, verdicts.derived_for, identifying)
        return structs.replace(made, left=sent, known=known_by(event, consent, identifying))

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

        `ours`: the operator's own code sends it, as a trusted caller does. It is no repetition of what anybody sent,
        and may fill a destination's queue to the last place. Where a queue has no room for all that goes there, that
        destination alone is blocked, and the arrivals name it.
        `received` is the size of the request in bytes; without it, what it may cause is not bounded. `brief`: Heavy
        is raised for what takes longer than an event loop may be kept for; then nothing was counted.

        Raises DeliveryError if withdrawals cannot be known, EventError if log or store would grow too much for what was
        received; then nothing may be written.
        """
        decided = self.generation()
        at = self.now()  # they arrived together
        meter = UNMETERED if received is None else bounds.meter(self.policy.file.limits, received, brief=brief)
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
            if bounds.too_much(grows, received):
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
        return Roles(self.policy.catalogue)

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
