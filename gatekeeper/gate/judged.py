"""One element of a call, decided and cleaned: whose it is, what its leaves are, what may be sent of it.

Pure but for the look-ups and ids of the gate it is given. `plan` is what the audit is told of the element.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import structs

from gatekeeper.gate import Gate
from gatekeeper.gate.deciding import asked_of
from gatekeeper.gate.elements import TRUNCATED, send
from gatekeeper.gate.persons import deriving, known_by, subjects_of
from gatekeeper.gate.settle import failed, insufficient
from gatekeeper.gate.situation import age_of
from gatekeeper.gate.suppressing import without_person
from gatekeeper.model import Caller, Decision, Inputs, Permission, Plan, Purpose, Verdict
from gatekeeper.model.reasons import NOT_ROUTED
from gatekeeper.scrub.fields import search_of
from gatekeeper.scrub.meter import Meter
from gatekeeper.scrub.taint import Taint, declared
from gatekeeper.signals import context
from gatekeeper.signals.tcf import vendor_permissions
from gatekeeper.vendors.dialect import Dialect, Element, Kept, Leaf, Native
from gatekeeper.vendors.kind import Destination, Shaping

_EVERY_PURPOSE: Final = frozenset(Purpose)
# Looked up once: an enum's member costs as much as a call.
_BLOCK: Final = Verdict.BLOCK
_UNKNOWN: Final = Permission.UNKNOWN


def _marked(gate: Gate, mark: str, caller: Caller, at: float) -> Caller:
    """The visitor that an element is marked with, narrowed by what the browser that made the call says itself.

    Where a server carries the elements of several visitors, what comes with the request is another person's.
    """
    visitor = gate.visitor(mark, at)
    if caller.relayed:
        return Caller(visitor=visitor, trusted=caller.trusted, relayed=True)
    if caller.visitor is not None:  # a context of the call as a whole: one more thing that the browser says
        visitor = context.passed_on(visitor, context.beside(caller.visitor.signals, visitor.signals))
    return Caller(headers=caller.headers, visitor=visitor, trusted=caller.trusted, foreign=caller.foreign)


class Judged:
    """One element, decided and cleaned; `shared` and `kept`: what may be sent of the shared and of its own leaves."""

    __slots__ = (
        "about",
        "consent",
        "decision",
        "event",
        "found",
        "found_anyway",
        "hidden",
        "kept",
        "place",
        "shared",
        "vendor",
    )

    def __init__(
        self, gate: Gate, to: Destination, native: Native, caller: Caller, at: float,
        dialect: Dialect, shared: Sequence[Leaf], element: Element, of_all: Taint | None, meter: Meter,
    ) -> None:  # fmt: skip
        hidden = 0
        if element.stamp is not None:
            caller = _marked(gate, element.stamp, caller, at)
            hidden = len(shared) - len(native.shared)
            shared = native.shared
        own = len(element.leaves)
        leaves = (*element.leaves, *shared)
        program = gate.roles.program(leaves)
        taint = declared([(role, leaves[n].value) for n, role in program.declares])
        search = search_of(gate.policy.catalogue, taint, meter)
        common = search if of_all is None else search_of(gate.policy.catalogue, of_all, meter)
        searches = (search,) * own + (common,) * len(shared)
        reading = gate.roles.read(leaves, element, at, gate.policy.event_purposes, program, searches)
        self.event, outcome = reading.event, reading.outcome
        self.found_anyway = [(kind, reading.clean[n]) for kind, n in outcome.always]
        query = native.call.query if not element.query else "&".join(filter(None, (native.call.query, element.query)))
        self.place, self.consent, self.hidden = gate.situations.of(
            caller,
            at=at,
            event_time=self.event.time,
            query=query.encode("latin-1", "replace"),
            carried=element.flags,
            hidden=gate.suppressing.of(caller, self.event),
        )
        if self.hidden:
            self.event = without_person(self.event, gate.policy.catalogue)
            outcome = outcome.without_person()
        self.about = caller
        self.found: list[tuple[str, object]] = []  # identifiers in what is sent, and what is derived from them
        self.vendor = _UNKNOWN
        self.kept: Kept | None = None
        self.shared: Sequence[Leaf | None] = ()
        if to.events is not None and self.event.name not in to.events:
            self.decision = structs.replace(failed(to), reason=NOT_ROUTED)
            return
        if to.vendor_id is not None:
            self.vendor = vendor_permissions(self.consent.signals, to.vendor_id, to.tcf_purposes)
        judged = gate.deciding.judged(asked_of(self.event), self.consent, self.place, to, self.vendor)
        decision = judged.decision
        if decision.verdict is _BLOCK:
            self.decision = decision
            return
        if not outcome.named:
            self.decision = insufficient(
                decision, "its name holds a value that may not be sent, and an event is never sent without a name"
            )
            return
        sendable = send(leaves, reading, outcome, judged.causes, dialect, to, searches)
        kept = tuple([leaf for leaf in sendable.leaves[:own] if leaf is not None])
        common_left = sendable.leaves[own:]
        self.shared = common_left + [None] * hidden if hidden else common_left
        shaping = Shaping(to, self.consent, self.place, at, deriving(gate.keys, to, self.found))
        why = dialect.minimum([*[leaf for leaf in common_left if leaf is not None], *kept], shaping)
        if why is not None:
            self.decision = insufficient(decision, why)
            return
        self.kept = Kept(kept, shaping)
        left = sendable.left
        self.found += [(kind, reading.clean[n]) for n, kind in left.identifying]
        self.decision = Decision(
            destination=decision.destination,
            verdict=decision.verdict,
            reason=decision.reason,
            kept=sendable.sent(),
            stripped=left.stripped,
            derived=(TRUNCATED,) if sendable.truncated else (),
            scrubbed=sendable.scrubbed,
            native=left.native,
            basis=decision.basis,
            legal_basis=decision.legal_basis,
            steps=decision.steps,
        )

    def plan(self, gate: Gate, at: float) -> Plan:
        """What the audit is told of this element."""
        request_id = gate.new_id(at)
        found = [*self.found_anyway, *self.found]
        about = () if self.hidden else subjects_of(gate.keys, self.about, self.consent, found)
        known = {} if self.vendor is _UNKNOWN else {self.decision.destination: self.vendor}
        usual = gate.policy.event_purposes.get(self.event.name, _EVERY_PURPOSE)
        # Those of a name that may not be written down are the event's own, and stand in its line.
        declared = None if self.event.purposes == usual else self.event.purposes
        inputs = Inputs("call", age_of(self.about), declared, known)
        made = Plan(request_id, at, self.event, self.place, self.consent, (self.decision,), {}, about, inputs)
        if not gate.policy.file.rights.remember or self.hidden or self.decision.verdict is _BLOCK:
            return made
        left = {self.decision.destination: tuple(self.found)}
        known_as = known_by(self.event, self.consent, gate.policy.catalogue.identifying)
        return structs.replace(made, left=left, known=known_as)
