"""What a decision says once it is known what is really sent: all of it, too little, or nothing because the gate failed.

Pure. `settled` is told what a vendor's format sent; the others are the decisions on which nothing is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Final

from msgspec import structs

from gatekeeper.fields import Catalogue
from gatekeeper.model import Decision, Event, Plan, Shaped, Step, Verdict
from gatekeeper.model.reasons import INSUFFICIENT, INTERNAL, QUEUE_FULL
from gatekeeper.vendors.kind import Destination

# Looked up once: an enum's member costs as much as a call.
_BLOCK: Final = Verdict.BLOCK


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
    """The decision where the permitted part is not a valid event for the destination."""
    steps = (*decision.steps, Step("minimum data", "not met", why))
    return structs.replace(decision, verdict=_BLOCK, reason=INSUFFICIENT, kept={}, stripped={}, derived=(), steps=steps)


def full(decision: Decision) -> Decision:
    """The decision where an event was permitted, and the destination has no room for it."""
    steps = (*decision.steps, Step("queue", "full", "too many deliveries wait for this destination already"))
    return structs.replace(
        decision, verdict=_BLOCK, reason=QUEUE_FULL, kept={}, stripped={}, derived=(), scrubbed={}, native={},
        steps=steps,
    )  # fmt: skip


def without_room(plan: Plan, names: Set[str]) -> Plan:
    """The plan without its deliveries to destinations that have no room for them."""
    if names.isdisjoint(plan.shaped):
        return plan
    blocked = names & plan.shaped.keys()
    decisions = tuple([full(one) if one.destination in blocked else one for one in plan.decisions])
    shaped = {name: shaped for name, shaped in plan.shaped.items() if name not in blocked}
    return structs.replace(plan, decisions=decisions, shaped=shaped)


def failed(to: Destination) -> Decision:
    """The decision where the gate itself fails: closed."""
    return Decision(to.name, _BLOCK, INTERNAL, kept={}, legal_basis=to.legal_basis)


def unnamed(to: Destination) -> Decision:
    """The decision on an event that is called by what it declares."""
    steps = (Step("event name", "refused", "it holds what the event declares"),)
    return structs.replace(failed(to), reason=INSUFFICIENT, steps=steps)
