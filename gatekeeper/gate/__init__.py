"""The order, written once: read → locate → resolve → decide → shape, then record, then deliver.

`Plan`s are made without acting (`plan`), then acted on (`take`): deliveries are kept, and may leave once the
decision lines are durable. Nothing outside this file calls the stages.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import cached_property
from typing import Any, Final, NamedTuple

from msgspec import structs

from gatekeeper import signals
from gatekeeper.audit import lines, subjects
from gatekeeper.audit.lines import Lines
from gatekeeper.consent.resolve import holds_until, resolve
from gatekeeper.decision import Layout, Layouts, decide
from gatekeeper.errors import DeliveryError
from gatekeeper.fields import Catalogue
from gatekeeper.fields.accept import accept, accept_value, in_order, sort
from gatekeeper.gate.elements import Roles
from gatekeeper.gate.incoming import Posted
from gatekeeper.gate.ports import Counting, Recorder, Uncounted
from gatekeeper.gate.refusals import of_arrivals, refusal, then_swept
from gatekeeper.installation.forks import work
from gatekeeper.installation.keys import KeyRing
from gatekeeper.jurisdiction.place import Lookup, locate
from gatekeeper.memory import Memory, digest
from gatekeeper.model import (
    Caller,
    Consent,
    Decision,
    Event,
    Inputs,
    Permission,
    Place,
    Plan,
    Purpose,
    Shaped,
    Signal,
    Step,
    Verdict,
    Visitor,
)
from gatekeeper.model.place import How
from gatekeeper.model.reasons import INSUFFICIENT, INTERNAL
from gatekeeper.policy import Policy
from gatekeeper.scrub import lift_click_ids
from gatekeeper.scrub.fields import Scrubber
from gatekeeper.scrub.taint import declared
from gatekeeper.signals.tcf import vendor_permissions
from gatekeeper.storage.outbox import Accepted, Arrival, Job, Refusal
from gatekeeper.storage.protocols import Intake, Refusals
from gatekeeper.vendors import samples
from gatekeeper.vendors.kind import Destination, Shaping

# Looked up once: an enum's member costs as much as a call.
_BLOCK: Final = Verdict.BLOCK
_UNKNOWN: Final = Permission.UNKNOWN
_EVERY_PURPOSE: Final = frozenset(Purpose)
_EVER: Final = float("-inf")
_REMEMBERED_FOR: Final = 60.0  # seconds: a new location database is felt after as long
_log = logging.getLogger("gatekeeper")


class _Aside:
    """What is shared between the decisions on one event, and noted beside them."""

    __slots__ = ("derived", "layout", "scrubber", "unfit", "vendors")

    def __init__(self, scrubber: Scrubber, layout: Layout) -> None:
        self.scrubber = scrubber
        self.layout = layout
        self.derived: list[tuple[str, object]] = []
        self.vendors: dict[str, Permission] = {}
        self.unfit: dict[str, tuple[str, ...]] = {}


class _Situation(NamedTuple):
    """A place and a consent, and from when until when (Unix seconds) they are what they are.

    They hold for events since `told`, when the last word of the visitor was said.
    """

    since: float
    until: float
    told: float
    place: Place
    consent: Consent


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
        metrics: Counting | None = None,
        arrived: Callable[[], None] = lambda: None,
    ) -> None:
        self.policy = policy
        self.keys = keys
        self.clock = clock
        self.recorder = recorder
        self.intake = intake
        self.refusals = refusals
        self.metrics: Counting = metrics or Uncounted()
        self._arrived = arrived
        self.new_id = new_id
        self._lookup = lookup
        self._layouts = Layouts(len(policy.destinations))
        self.lines = Lines(policy)
        self._always = tuple(policy.file.jurisdiction.always)
        self._situations = Memory[_Situation](entries=4_096, each=4_096)

    @cached_property
    def roles(self) -> Roles:
        """What the leaves of calls are, by the policy's catalogue."""
        return Roles(self.policy.catalogue)

    def now(self) -> float:
        """The time as a line can hold it, in milliseconds: never later than it is."""
        return int(self.clock() * 1000 // 1) / 1000

    def visitor(self, token: str, at: float) -> Visitor:
        """The visitor a context token speaks of."""
        return signals.context.read(token, at=at, verify=self.keys.verify)

    def heard(self, caller: Caller, posted: Posted | None = None) -> tuple[Signal, ...]:
        """The signals a caller, and one event of theirs, carry."""
        return self.policy.readers.read(
            caller.headers,
            query=caller.query,
            claim=posted.consent if posted else None,
            carried=posted.flags if posted else None,
            vouched=caller.visitor.signals if caller.visitor else None,
            foreign=caller.foreign,
            verify=self.keys.verify,
        )

    @work
    def consent_of(self, caller: Caller, at: float) -> Consent:
        """What a caller's own signals add up to, before any event."""
        return self.situation(caller, at=at, event_time=at, query=caller.query)[1]

    @work
    def situation(
        self,
        caller: Caller,
        *,
        at: float,
        event_time: float,
        query: bytes,
        claim: Mapping[str, bool] | None = None,
        carried: Mapping[str, Any] | None = None,
        declared: tuple[str | None, str | None] | None = None,
    ) -> tuple[Place, Consent]:
        """Where the visitor is and what they permit, for an event of `event_time` that is decided `at`.

        `query` is the one consent is read from, `claim` the event's own consent object, `carried` its flags and
        `declared` the place an authenticated caller gives. What the same browser said a moment ago at the same
        address is remembered, until time, a law or a minute changes it.
        """
        said = tuple([pair for pair in caller.headers if pair[0] in signals.HEADERS])
        key, words = None, b""
        if not (caller.trusted or caller.visitor or carried or (query and signals.speaks(query))):
            claimed = None if claim is None else tuple(claim.items())
            words = _words(said, caller.address)
            key = (digest(words), caller.edge, caller.residence, caller.age_band, claimed, caller.foreign)
            known = self._situations.get(key)
            if known is not None and known.since <= at < known.until and known.told <= event_time <= at:
                return known.place, known.consent
        place = self._place(declared, caller, at)
        heard = self.policy.readers.read(
            said,
            query=query,
            claim=claim,
            carried=carried,
            vouched=caller.visitor.signals if caller.visitor else None,
            foreign=caller.foreign,
            verify=self.keys.verify,
        )
        consent = self.resolve(heard, place, at, event_time, age_of(caller))
        told = max([min(signal.at, at) for signal in heard if signal.at is not None], default=_EVER)
        if key is not None and told <= event_time <= at:
            until = min(
                at + _REMEMBERED_FOR,
                self.policy.laws.next_change(at),
                holds_until(heard, at, self.policy.file.consent.max_age),
            )
            size = 2_048 + 4 * len(words)
            self._situations.put(key, _Situation(at, until, told, place, consent), size)
            self.lines.keep(consent, size)
        return place, consent

    def resolve(
        self, heard: tuple[Signal, ...], place: Place, at: float, event_time: float, age_band: str | None
    ) -> Consent:
        """What signals add up to in a place, for an event of `event_time`, decided `at`."""
        table = self.policy.file.consent
        return resolve(
            heard,
            place,
            at=at,
            event_time=event_time,
            max_age=table.max_age,
            gpc_everywhere=table.gpc == "everywhere",
            age_band=age_band,
        )

    def place_of(self, caller: Caller) -> Place:
        """Where a caller's visitor is."""
        return self._place(None, caller, self.clock())

    def plan(self, posted: Posted, caller: Caller, *, at: float, request_id: str) -> Plan:
        """What would happen to an event, decided and shaped. Pure but for the look-ups it was given.

        Never raises: where the gate itself fails, every destination is blocked with `internal_error`.
        """
        try:
            return self._plan(posted, caller, at, request_id)
        except Exception as error:  # noqa: BLE001  # fail closed, whatever it is
            # The traceback's locals hold the visitor's data: the class of the error is all that is logged.
            _log.error("the gate failed on an event (%s); it was blocked", type(error).__name__)
            event = Event(posted.name, request_id, at, {})
            place = Place(None, None, "unknown", (self.policy.laws.strictest,))
            blocked = tuple(failed(to) for to in self.policy.destinations_for(posted.name))
            return Plan(request_id, at, event, place, None, blocked, {}, ())

    def _plan(self, posted: Posted, caller: Caller, at: float, request_id: str) -> Plan:
        policy = self.policy
        event = self._event(posted, caller, at, request_id)
        place, consent = self.situation(
            caller, at=at, event_time=event.time, query=caller.query, claim=posted.consent, carried=posted.flags,
            declared=posted.place,
        )  # fmt: skip
        decisions = []
        scrubber = Scrubber(policy.catalogue, declared(posted.data.items()))
        event = scrubber.envelope(event, request_id)
        aside = _Aside(scrubber, self._layouts.of(event))
        shaped: dict[str, Shaped] = {}
        refused = event.name != posted.name
        for to in policy.destinations_for(posted.name):
            if refused:
                decisions.append(unnamed(to))
                continue
            try:
                decision, outgoing = self._for_destination(event, consent, place, to, at, aside)
            except Exception as error:  # noqa: BLE001  # fail closed; the other destinations are not harmed
                _log.error("the gate failed on an event for %s (%s); blocked", to.name, type(error).__name__)
                decision, outgoing = failed(to), None
            decisions.append(decision)
            if outgoing is not None:
                shaped[to.name] = outgoing
        left = subjects.identifiers(event.data, policy.catalogue.identifying, [one.sent for one in shaped.values()])
        about = self.subjects_of(caller, consent, [*left, *aside.derived], posted)
        inputs = Inputs("event", age_of(caller), posted.purposes, aside.vendors, aside.unfit, refused)
        return Plan(request_id, at, event, place, consent, tuple(decisions), shaped, about, inputs)

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

    def sweep(self, arrivals: Sequence[Arrival]) -> Future[int] | None:
        """End what these arrivals, which are accepted, take back; `None` where nothing of it is queued."""
        refused = of_arrivals(arrivals)
        return self.refusals.sweep(refused) if refused else None

    def refusal_of(self, plan: Plan, event_time: float) -> Refusal | None:
        """What a plan's visitor takes back of what is queued; by an event of the past, of what happened up to then."""
        destinations = self.policy.destinations.values()
        return refusal(plan.consent, plan.subjects, destinations, at=plan.at, event_time=event_time)

    @work
    def arrivals(self, posted: Sequence[Posted], caller: Caller, *, ours: bool = False) -> list[Arrival]:
        """Decide: what `intake.accept` is to keep and record, and nothing is done with before.

        `ours`: the operator's own code sends it, as a trusted caller does. It is no repetition of what anybody sent.

        Raises DeliveryError if a destination's queue is full; then nothing may be written.
        """
        plans = []
        counts: dict[str, int] = {}
        at = self.now()  # they arrived together
        for one in posted:
            request_id = self.new_id(at)
            if self.metrics.timed():
                started = time.perf_counter()
                plan = self.plan(one, caller, at=at, request_id=request_id)
                self.metrics.took(time.perf_counter() - started)
            else:
                plan = self.plan(one, caller, at=at, request_id=request_id)
            plans.append(plan)
            blocked = [(to.destination, to.reason or INTERNAL) for to in plan.decisions if to.verdict is _BLOCK]
            if blocked:
                self.metrics.decided(blocked)
            for name in plan.shaped:
                counts[name] = counts.get(name, 0) + 1
        for name, count in counts.items():
            if not self.intake.room(name, count):
                self.metrics.refused("full")
                raise DeliveryError(f"the queue of {name} is full")
        told = self.lines.lines(plans)
        self._arrived()
        ours = ours or caller.trusted
        return [self._arrival(plan, one.id, ours, *line) for plan, one, line in zip(plans, posted, told, strict=True)]

    def _arrival(
        self, plan: Plan, event_id: str | None, ours: bool, request_id: str, line: lines.Line | None
    ) -> Arrival:
        return Arrival(
            request_id,
            None if event_id is None else self.keys.event_key(plan.event.name, event_id, ours=ours),
            plan.subjects,
            line,
            tuple([Job(name, plan.event.time, shaped.head, shaped.body) for name, shaped in plan.shaped.items()]),
            self.refusal_of(plan, plan.event.time),
        )

    def _event(self, posted: Posted, caller: Caller, at: float, request_id: str) -> Event:
        catalogue, table = self.policy.catalogue, self.policy.file.policy
        data, unusable, named = sort(posted.data, catalogue)
        for name in [name for name in data if name in catalogue.urls]:
            value = str(data[name])
            if table.site is not None and value.startswith("/") and not value.startswith("//"):
                value = table.site.rstrip("/") + value
            data[name], lifted = lift_click_ids(value)
            if lifted:
                more, bad = accept(lifted, catalogue)
                for click_id, clean in more.items():
                    data.setdefault(click_id, clean)
                unusable |= {click_id: cause for click_id, cause in bad.items() if click_id not in data}
        currency = table.currency
        offered: dict[str, object] = {}
        if currency is not None and "order_value" in data:
            offered["currency"] = currency
        if not caller.trusted:
            agent = signals.header_values(caller.headers, b"user-agent")
            given = (("ip", caller.address), ("user_agent", agent[0].decode("latin-1") if agent else None))
            for name, known in given:
                row = catalogue.by_name[name]
                clean = None if known is None else accept_value(row, name, known, catalogue)
                if clean is not None:
                    offered[row.key] = clean
        time = posted.time if caller.trusted and posted.time is not None else at
        purposes = posted.purposes or self.policy.event_purposes.get(posted.name, _EVERY_PURPOSE)
        return Event(
            name=posted.name,
            id=posted.id or request_id,
            time=min(time, at),
            data=data,
            purposes=purposes,
            offered=offered,
            unusable=unusable,
            names=in_order(named, data, unusable),
        )

    def _place(self, told: tuple[str | None, str | None] | None, caller: Caller, at: float) -> Place:
        visitor = caller.visitor
        how: How
        if visitor is not None:
            declared, how = visitor.declared, "context"
        elif caller.trusted:
            declared, how = told, "caller"
        else:
            declared, how = caller.edge, "cdn"
        return locate(
            address=None if caller.trusted or visitor else caller.address,
            how=how,
            lookup=self._lookup,
            table=self.policy.laws,
            at=at,
            always=self._always,
            default=self.policy.file.jurisdiction.default,
            declared=declared,
            residence=visitor.residence if visitor else caller.residence,
            suspicious=self.policy.suspicious if self.policy.anonymisers else None,
        )

    def _for_destination(
        self,
        event: Event,
        consent: Consent,
        place: Place,
        to: Destination,
        at: float,
        aside: _Aside,
    ) -> tuple[Decision, Shaped | None]:
        vendor = _UNKNOWN
        if to.vendor_id is not None:
            vendor = vendor_permissions(consent.signals, to.vendor_id, to.tcf_purposes)
            if vendor is not _UNKNOWN:
                aside.vendors[to.name] = vendor
        decision = decide(event, consent, place, to, vendor, aside.layout.sort)
        if decision.verdict is _BLOCK:
            return decision, None
        kept, scrubbed, personal = aside.scrubber.scrub(decision.kept, to.url_params)
        derived: list[tuple[str, object]] = []
        shaping = Shaping(to, consent, place, at, self.deriving(to, derived))
        shaped = samples.shape(event, kept, shaping)
        if isinstance(shaped, str):
            unfit = samples.unfit(event, kept, personal, shaping, self.policy.catalogue)
            if unfit:
                aside.unfit[to.name] = unfit
            return insufficient(decision, shaped), None
        aside.derived += derived
        return settled(decision, event, shaped, scrubbed, personal, to, self.policy.catalogue), shaped

    def deriving(self, to: Destination, derived: list[tuple[str, object]]) -> Callable[[str], str]:
        """What `Shaping` needs to derive ids; those that were derived are put in the list: they are the visitor's."""

        def derive(value: str) -> str:
            made = self.keys.derived_id(to.name, value)
            derived.append(("client_id", made))
            return made

        return derive

    def subjects_of(
        self, caller: Caller, consent: Consent, left: Iterable[tuple[str, object]], posted: Posted | None = None
    ) -> tuple[str, ...]:
        """Pseudonyms of everything the visitor can be found by; `left` are the identifiers in what was sent."""
        known: list[tuple[str, object]] = []
        if caller.trusted and posted is not None and posted.subject is not None:
            known += posted.subject.items()
        known += subjects.of_signals(consent.signals, lines.is_product)
        if caller.visitor is not None and caller.visitor.subject is not None:
            known.append(("consent", caller.visitor.subject))
        known += left
        found = dict.fromkeys(subjects.of_values(known))
        return tuple(dict.fromkeys([self.keys.name(kind, value) for kind, value in found]))


def _words(said: Iterable[tuple[bytes, bytes]], address: str | None) -> bytes:
    """What a browser said and from where: each part behind its length, so that no two of them read the same."""
    where = b"-" if address is None else address.encode("utf-8", "surrogatepass")
    return b"%d %b" % (len(where), where) + b"".join([b"%b %d %b" % (name, len(value), value) for name, value in said])


def age_of(caller: Caller) -> str | None:
    """The age band known of a caller's visitor."""
    return caller.visitor.age_band if caller.visitor else caller.age_band


def settled(
    decision: Decision,
    event: Event,
    shaped: Shaped,
    scrubbed: Mapping[str, tuple[str, ...]],
    personal: tuple[str, ...],
    to: Destination,
    catalogue: Catalogue,
) -> Decision:
    """The decision, saying what was really sent and stripped."""
    added, kept, stripped, derived = decision.derived, decision.kept, decision.stripped, shaped.derived
    if personal or shaped.invalid or shaped.unneeded:
        causes = dict.fromkeys((*personal, *shaped.invalid), "invalid") | dict.fromkeys(shaped.unneeded, "not_needed")
        causes = {**stripped, **{name: cause for name, cause in causes.items() if name not in added}}
        stripped = {name: causes[name] for name in event.names if name in causes}
    if added or len(shaped.sent) != len(kept):
        kept = {name: kept[name] for name in shaped.sent if name not in added}
        derived = (*[name for name in added if name in shaped.sent], *derived)
    clear = to.kind.clear
    if clear and not clear.isdisjoint(kept):  # a personal value that this vendor wants in clear is named as that
        by_key = catalogue.by_key
        kept = {by_key[name].name if name in clear else name: value for name, value in kept.items()}
    return structs.replace(decision, kept=kept, stripped=stripped, derived=derived, scrubbed=scrubbed)


def insufficient(decision: Decision, why: str) -> Decision:
    """The decision where what is left is no valid event for the destination."""
    steps = (*decision.steps, Step("minimum data", "not met", why))
    return structs.replace(decision, verdict=_BLOCK, reason=INSUFFICIENT, kept={}, stripped={}, derived=(), steps=steps)


def failed(to: Destination) -> Decision:
    """The decision where the gate itself fails: closed."""
    return Decision(to.name, _BLOCK, INTERNAL, kept={}, legal_basis=to.legal_basis)


def unnamed(to: Destination) -> Decision:
    """The decision on an event that is called by what it declares."""
    steps = (Step("event name", "refused", "it holds what the event declares"),)
    return structs.replace(failed(to), reason=INSUFFICIENT, steps=steps)
