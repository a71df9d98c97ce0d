"""Stage 4, decide. Pure. Event, consent and place in; a decision for one destination out.

The first failing check gives the reason (DESIGN section 3):

    jurisdiction_blocked · no consent, as the ruling says · purpose_mismatch

`event_not_routed` destinations are not asked; `insufficient_data` is found when the event is shaped.
A field is kept when the catalogue knows it, its purposes cover the destination's, and the allow-list names it.
"""

from __future__ import annotations

from typing import Final

from gatekeeper.destinations.kind import Destination
from gatekeeper.model import Consent, ConsentModel, Decision, Event, Permission, Place, Purpose, Ruling, Step, Verdict
from gatekeeper.reasons import INTERNAL, JURISDICTION, MISMATCH, NO_CONSENT

CONTEXTUAL: Final = "contextual"
_NEEDS: Final = {purpose: f"needs {purpose}" for purpose in Purpose}


def decide(
    event: Event, consent: Consent, place: Place, to: Destination, vendor: Permission = Permission.UNKNOWN
) -> Decision:
    """What `to` gets of `event`, and why. `vendor` is what TC strings say of the destination's own vendor id."""
    steps = [*consent.steps]
    if to.regions is not None:
        there = {place.country, f"{place.country}-{place.region}"} if place.country else set()
        inside = not there.isdisjoint(to.regions)
        steps.append(Step("region", "inside" if inside else "outside", "the policy lists where it may be used"))
        if not inside:
            return _block(to, JURISDICTION, steps)

    ruling = consent.rulings[to.purpose]
    contextual = False
    if ruling.silent and to.statistics_only and _exempt(place):
        ruling = Ruling(Permission.GRANTED, "not_opted_out")
        steps.append(Step("statistics only", "exempt", "the law exempts first-party statistics, and nobody objected"))
    if ruling.permission is not Permission.GRANTED:
        contextual = ruling.opted_out and to.on_opt_out == CONTEXTUAL
        steps.append(Step(_NEEDS[to.purpose], CONTEXTUAL if contextual else "denied", ruling.reason or ""))
        if not contextual:
            return _block(to, ruling.reason or INTERNAL, steps)
    else:
        steps.append(Step(_NEEDS[to.purpose], "granted", f"basis: {ruling.basis}"))

    if vendor is Permission.DENIED and to.purpose in NO_CONSENT:  # what is necessary needs nobody's consent
        steps.append(Step(f"vendor {to.vendor_id}", "denied", "the TC string does not consent to this vendor"))
        return _block(to, NO_CONSENT[to.purpose], steps)

    if to.purpose not in event.purposes:
        steps.append(Step("declared purposes", "do not include it", ", ".join(sorted(event.purposes))))
        return _block(to, MISMATCH, steps)

    allowed = to.fields & to.contextual if contextual else to.fields
    data = event.data
    kept: dict[str, object] = {}
    stripped: dict[str, str] = {}
    for name in event.names:
        if name in data:
            if name in allowed:
                kept[name] = data[name]
            else:
                stripped[name] = "opt_out" if name in to.fields else to.causes[name]
        else:
            stripped[name] = event.unusable[name]
    derived: tuple[str, ...] = ()
    for name, value in event.offered.items():
        if name in allowed and name not in kept:
            kept[name] = value
            derived += (name,)
    return Decision(
        destination=to.name,
        verdict=Verdict.CONTEXTUAL if contextual else Verdict.SEND,
        reason=None,
        kept=kept,
        stripped=stripped,
        derived=derived,
        basis=CONTEXTUAL if contextual else ruling.basis,
        legal_basis=to.legal_basis,
        steps=tuple(steps),
    )


def _exempt(place: Place) -> bool:
    """Whether every law of the place that asks for analytics consent exempts first-party statistics."""
    return all(law.analytics is not ConsentModel.OPT_IN or law.exemption.startswith("yes") for law in place.laws)


def _block(to: Destination, reason: str, steps: list[Step]) -> Decision:
    return Decision(to.name, Verdict.BLOCK, reason, kept={}, legal_basis=to.legal_basis, steps=tuple(steps))
