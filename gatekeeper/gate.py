"""The order, written once: read → locate → resolve → decide → shape, then record, then deliver.

`Plan`s are made without acting (`plan`), then acted on (`take`): deliveries are kept, and may leave once the
decision lines are durable. Nothing outside this file calls the stages.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, ClassVar, Final, NamedTuple

from msgspec import structs

from gatekeeper import signals
from gatekeeper.audit import lines
from gatekeeper.consent.resolve import holds_until, resolve
from gatekeeper.decision import Layout, Layouts, decide
from gatekeeper.destinations import KINDS
from gatekeeper.destinations.kind import Destination, Shaping
from gatekeeper.errors import DeliveryError
from gatekeeper.fields.accept import accept, accept_value, in_order, sort
from gatekeeper.jurisdiction.place import Lookup, locate
from gatekeeper.keys import KeyRing
from gatekeeper.model import (
    Consent,
    Decision,
    Discreet,
    Event,
    Permission,
    Personal,
    Place,
    Purpose,
    Shaped,
    Signal,
    Step,
    Verdict,
)
from gatekeeper.policy import Policy
from gatekeeper.ports import Counting, Recorder, Uncounted
from gatekeeper.reasons import INSUFFICIENT, INTERNAL
from gatekeeper.scrub import lift_click_ids
from gatekeeper.scrub.fields import Scrubber
from gatekeeper.signals.context import Visitor
from gatekeeper.signals.tcf import vendor_permissions
from gatekeeper.storage.outbox import Accepted, Arrival, Job
from gatekeeper.storage.protocols import Intake
from gatekeeper.wire import Posted

# Looked up once: an enum's member costs as much as a call.
_BLOCK: Final = Verdict.BLOCK
_UNKNOWN: Final = Permission.UNKNOWN
_EVERY_PURPOSE: Final = frozenset(Purpose)
_REMEMBERED: Final = 4096  # visitors whose consent need not be worked out again
_EVER: Final = float("-inf")
_REMEMBERED_FOR: Final = 60.0  # seconds: a new location database is felt after as long
_log = logging.getLogger("gatekeeper")


class Caller(Discreet, frozen=True):
    """What a shell knows of who sent an event.

    `headers` are (lower-case name, value) pairs with duplicates. `address` is the visitor's address if the
    visitor's browser is the peer, else `None`. `trusted` callers are the operator's own servers: their subject,
    place and past event times are believed. `visitor` is a verified context that came along.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"headers", "query", "address"})

    headers: tuple[tuple[bytes, bytes], ...] = ()
    query: bytes = b""
    address: str | None = None
    edge: tuple[str | None, str | None] | None = None  # what a trusted edge says of the place
    residence: tuple[str | None, str | None] | None = None  # of the account, or chosen by the visitor
    age_band: str | None = None
    trusted: bool = False
    visitor: Visitor | None = None


class Plan(Discreet, frozen=True):
    """What is going to happen to one event; nothing has happened yet."""

    hidden: ClassVar[frozenset[str]] = frozenset({"shaped"})

    request_id: str
    at: float
    event: Event
    place: Place
    consent: Consent | None  # None where the gate itself failed
    decisions: tuple[Decision, ...]
    shaped: Mapping[str, Shaped]  # by destination
    subjects: tuple[str, ...]  # pseudonyms


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
        metrics: Counting | None = None,
        arrived: Callable[[], None] = lambda: None,
    ) -> None:
        self.policy = policy
        self.keys = keys
        self.clock = clock
        self.recorder = recorder
        self.intake = intake
        self.metrics: Counting = metrics or Uncounted()
        self._arrived = arrived
        self.new_id = new_id
        self._lookup = lookup
        self._layouts = Layouts()
        self._always = tuple(policy.file.jurisdiction.always)
        self._situations: dict[object, _Situation] = {}

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
            vouched=caller.visitor.signals if caller.visitor else (),
            verify=self.keys.verify,
        )

    def consent_of(self, caller: Caller, at: float) -> Consent:
        """What a caller's own signals add up to, before any event."""
        return self.situation(caller, at=at, event_time=at, query=caller.query)[1]

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
        key = None
        if not (caller.trusted or caller.visitor or carried or (query and signals.speaks(query))):
            claimed = None if claim is None else tuple(claim.items())
            key = (said, caller.address, caller.edge, caller.residence, caller.age_band, claimed)
            known = self._situations.get(key)
            if known is not None and known.since <= at < known.until and known.told <= event_time <= at:
                return known.place, known.consent
        place = self._place(declared, caller, at)
        heard = self.policy.readers.read(
            said,
            query=query,
            claim=claim,
            carried=carried,
            vouched=caller.visitor.signals if caller.visitor else (),
            verify=self.keys.verify,
        )
        consent = self.resolve(heard, place, at, event_time, age_of(caller))
        told = max([signal.at for signal in heard if signal.at is not None and signal.at <= at], default=_EVER)
        if key is not None and told <= event_time <= at:
            until = min(
                at + _REMEMBERED_FOR,
                self.policy.laws.next_change(at),
                holds_until(heard, at, self.policy.file.consent.max_age),
            )
            if len(self._situations) >= _REMEMBERED:
                self._situations.clear()
            self._situations[key] = _Situation(at, until, told, place, consent)
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
        scrubber, layout = Scrubber(policy.catalogue), self._layouts.of(event)
        shaped: dict[str, Shaped] = {}
        for to in policy.destinations_for(event.name):
            try:
                decision, outgoing = self._for_destination(event, consent, place, to, at, scrubber, layout)
            except Exception as error:  # noqa: BLE001  # fail closed; the other destinations are not harmed
                _log.error("the gate failed on an event for %s (%s); blocked", to.name, type(error).__name__)
                decision, outgoing = failed(to), None
            decisions.append(decision)
            if outgoing is not None:
                shaped[to.name] = outgoing
        subjects = self.subjects_of(caller, event, consent, posted)
        return Plan(request_id, at, event, place, consent, tuple(decisions), shaped, subjects)

    def take(self, posted: Sequence[Posted], caller: Caller) -> tuple[list[str], Future[Accepted]]:
        """Decide, keep, record. Returns the request ids and a future that is done when all is durable.

        The future has the request ids to answer with: a repeated event has its first one's. It fails with AuditError
        or StorageError if the decision or the deliveries could not be kept; then nothing is sent. Raises as
        `arrivals` does.
        """
        arrivals = self.arrivals(posted, caller)
        return [arrival.request_id for arrival in arrivals], self.intake.accept(arrivals)

    def arrivals(self, posted: Sequence[Posted], caller: Caller) -> list[Arrival]:
        """Decide: what `intake.accept` is to keep and record, and nothing is done with before.

        Raises DeliveryError if a destination's queue is full; then nothing may be written.
        """
        arrivals = []
        counts: dict[str, int] = {}
        for one in posted:
            at = self.clock()
            request_id = self.new_id(at)
            if self.metrics.timed():
                started = time.perf_counter()
                plan = self.plan(one, caller, at=at, request_id=request_id)
                self.metrics.took(time.perf_counter() - started)
            else:
                plan = self.plan(one, caller, at=at, request_id=request_id)
            arrivals.append(self._arrival(plan, one.id))
            blocked = [(to.destination, to.reason or INTERNAL) for to in plan.decisions if to.verdict is _BLOCK]
            if blocked:
                self.metrics.decided(blocked)
            for name in plan.shaped:
                counts[name] = counts.get(name, 0) + 1
        for name, count in counts.items():
            if not self.intake.room(name, count):
                self.metrics.refused("full")
                raise DeliveryError(f"the queue of {name} is full")
        self._arrived()
        return arrivals

    def _arrival(self, plan: Plan, event_id: str | None) -> Arrival:
        return Arrival(
            plan.request_id,
            None if event_id is None else self.keys.event_key(plan.event.name, event_id),
            plan.subjects,
            lines.decision_line(plan, self.policy),
            tuple([Job(name, plan.event.time, shaped.head, shaped.body) for name, shaped in plan.shaped.items()]),
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
        scrubber: Scrubber,
        layout: Layout,
    ) -> tuple[Decision, Shaped | None]:
        vendor = _UNKNOWN
        if to.vendor_id is not None:
            vendor = vendor_permissions(consent.signals, to.vendor_id, to.tcf_purposes)
        decision = decide(event, consent, place, to, vendor, layout)
        if decision.verdict is _BLOCK:
            return decision, None
        kept, scrubbed, personal = scrubber.scrub(decision.kept, to.url_params)
        shaping = Shaping(to, consent, place, at, lambda value: self.keys.derived_id(to.name, value))
        shaped = KINDS[to.kind.name].shape(event, kept, shaping)
        if isinstance(shaped, str):
            steps = (*decision.steps, Step("minimum data", "not met", shaped))
            return structs.replace(
                decision, verdict=_BLOCK, reason=INSUFFICIENT, kept={}, stripped={}, derived=(), steps=steps
            ), None
        return self._settled(decision, event, shaped, scrubbed, personal, to), shaped

    def _settled(
        self,
        decision: Decision,
        event: Event,
        shaped: Shaped,
        scrubbed: Mapping[str, tuple[str, ...]],
        personal: tuple[str, ...],
        to: Destination,
    ) -> Decision:
        """The decision, saying what was really sent and stripped."""
        added, kept, stripped, derived = decision.derived, decision.kept, decision.stripped, shaped.derived
        if personal or shaped.invalid or shaped.unneeded:
            causes = dict.fromkeys((*personal, *shaped.invalid), "invalid") | dict.fromkeys(
                shaped.unneeded, "not_needed"
            )
            causes = {**stripped, **{name: cause for name, cause in causes.items() if name not in added}}
            stripped = {name: causes[name] for name in event.names if name in causes}
        if added or len(shaped.sent) != len(kept):
            kept = {name: kept[name] for name in shaped.sent if name not in added}
            derived = (*[name for name in added if name in shaped.sent], *derived)
        clear = to.kind.clear
        if clear and not clear.isdisjoint(kept):  # a personal value that this vendor wants in clear is named as that
            by_key = self.policy.catalogue.by_key
            kept = {by_key[name].name if name in clear else name: value for name, value in kept.items()}
        return structs.replace(decision, kept=kept, stripped=stripped, derived=derived, scrubbed=scrubbed)

    def subjects_of(
        self, caller: Caller, event: Event, consent: Consent, posted: Posted | None = None
    ) -> tuple[str, ...]:
        """Pseudonyms of everything the visitor could be asked for by: ids, and the e-mail's hash."""
        known: list[tuple[str, str]] = []
        if caller.trusted and posted is not None and posted.subject is not None:
            known += posted.subject.items()
        known += [("consent", signal.subject) for signal in consent.signals if signal.subject]
        if caller.visitor is not None and caller.visitor.subject is not None:
            known.append(("consent", caller.visitor.subject))
        for name in ("user_id", "client_id"):
            if name in event.data:
                known.append((name, str(event.data[name])))
        email = event.data.get("email_hash")
        if isinstance(email, Personal) and (reference := lines.email_reference(email)) is not None:
            known.append(("email", reference))
        return tuple(dict.fromkeys([self.keys.name(kind, value) for kind, value in known]))


def age_of(caller: Caller) -> str | None:
    """The age band known of a caller's visitor."""
    return caller.visitor.age_band if caller.visitor else caller.age_band


def failed(to: Destination) -> Decision:
    """The decision where the gate itself fails: closed."""
    return Decision(to.name, _BLOCK, INTERNAL, kept={}, legal_basis=to.legal_basis)
