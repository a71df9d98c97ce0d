"""Stage 4, decide. Pure. An event by its names and a visitor's stance in; a judgement for one destination out.

The first failing check gives the reason (DESIGN section 3):

    jurisdiction_blocked · no consent, as the ruling says · purpose_mismatch

`event_not_routed` destinations are not asked; `insufficient_data` is found when the event is shaped.
A field is kept when the catalogue knows it, its purposes cover the destination's, and the allow-list names it.

`decide` takes frozen arguments that can be hashed, and nothing else: no event, no value, no caller, no clock. So what
it said is remembered by exactly these arguments (`gate/deciding.py`), and a key cannot forget one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from gatekeeper.model import ConsentModel, Decision, Law, Permission, Purpose, Ruling, Step, Verdict
from gatekeeper.model.reasons import INTERNAL, JURISDICTION, MISMATCH, NO_CONSENT
from gatekeeper.vendors.kind import Destination

CONTEXTUAL: Final = "contextual"
# Looked up once: an enum's member costs as much as a call.
_UNKNOWN: Final = Permission.UNKNOWN
_GRANTED: Final = Permission.GRANTED
_DENIED: Final = Permission.DENIED
_SEND: Final = Verdict.SEND
_NECESSARY: Final = Purpose.NECESSARY
_NEEDS: Final = {purpose: f"needs {purpose}" for purpose in Purpose}


class Asked(NamedTuple):
    """An event by its names: `names` in their order, those of no use with their cause, and those that were offered."""

    event: str
    purposes: frozenset[Purpose]
    names: tuple[str, ...]
    unusable: tuple[tuple[str, str], ...]
    offered: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stance:
    """A visitor's permissions and place, as far as a verdict depends on them.

    `rulings` are those of all purposes in their order; `exempt`: the laws of the place exempt first-party statistics.
    """

    rulings: tuple[Ruling, ...]
    refused: frozenset[str]
    steps: tuple[Step, ...]
    country: str | None
    region: str | None
    exempt: bool


class Judgement(NamedTuple):
    """A decision without its values: `kept` are the names of the event that are sent, `offered` those beside them.

    `causes` are the names that are stripped, each with its cause, as a key can hold them.
    """

    decision: Decision
    kept: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    causes: tuple[tuple[str, str], ...] = ()


_PLACES: Final = {purpose: n for n, purpose in enumerate(Purpose)}


def decide(asked: Asked, stance: Stance, to: Destination, vendor: Permission = _UNKNOWN) -> Judgement:
    """What `to` gets of an event, and why. `vendor` is what TC strings say of the destination's own vendor id."""
    steps: tuple[Step, ...] = stance.steps
    if to.regions is not None:
        there = {stance.country, f"{stance.country}-{stance.region}"} if stance.country else set()
        inside = not there.isdisjoint(to.regions)
        steps += (Step("region", "inside" if inside else "outside", "the policy lists where it may be used"),)
        if not inside:
            return _block(to, JURISDICTION, steps)

    purpose = purpose_of(asked.event, to)
    ruling = stance.rulings[_PLACES[purpose]]
    contextual = False
    if ruling.silent and to.statistics_only and stance.exempt:
        ruling = Ruling(_GRANTED, "not_opted_out")
        steps += (
            Step("statistics only", "exempt", "the law exempts first-party statistics, and the visitor did not object"),
        )
    if ruling.permission is not _GRANTED:
        contextual = ruling.opted_out and to.on_opt_out == CONTEXTUAL
        steps += (Step(_NEEDS[purpose], CONTEXTUAL if contextual else "denied", ruling.reason or ""),)
        if not contextual:
            return _block(to, ruling.reason or INTERNAL, steps)
    else:
        steps += (_given(purpose, ruling.basis),)

    if to.name in stance.refused and purpose in NO_CONSENT:
        steps += (Step("service", "denied", "refused by name on the consent platform"),)
        return _block(to, NO_CONSENT[purpose], steps)

    if vendor is _DENIED and purpose in NO_CONSENT:  # what is necessary needs no consent
        steps += (Step(f"vendor {to.vendor_id}", "denied", "the TC string does not consent to this vendor"),)
        return _block(to, NO_CONSENT[purpose], steps)

    if purpose not in asked.purposes:
        steps += (Step("declared purposes", "do not include it", ", ".join(sorted(asked.purposes))),)
        return _block(to, MISMATCH, steps)

    kept, stripped, offered = _sorted(asked, to, contextual)
    decision = Decision(
        destination=to.name,
        verdict=Verdict.CONTEXTUAL if contextual else _SEND,
        reason=None,
        kept={},
        stripped=stripped,
        derived=offered,
        basis=CONTEXTUAL if contextual else ruling.basis,
        legal_basis=to.legal_basis if purpose is to.purpose else "consent",
        steps=steps,
    )
    return Judgement(decision, kept, offered, tuple(stripped.items()))


def _sorted(
    asked: Asked, to: Destination, contextual: bool
) -> tuple[tuple[str, ...], Mapping[str, str], tuple[str, ...]]:
    """The names of an event's fields, by what becomes of them: kept, stripped with their cause, offered and sent."""
    allowed = to.fields & to.contextual if contextual else to.fields
    unusable = dict(asked.unusable)
    kept: dict[str, None] = {}
    stripped: dict[str, str] = {}
    for name in asked.names:
        if name in unusable:
            stripped[name] = unusable[name]
        elif name in allowed:
            kept[name] = None
        else:
            stripped[name] = "opt_out" if name in to.fields else to.causes[name]
    return tuple(kept), stripped, tuple([name for name in asked.offered if name in allowed and name not in kept])


def purpose_of(event: str, to: Destination) -> Purpose:
    """What an event is sent to a destination for: analytics where it is more than the `necessary` there covers."""
    covered = to.kind.as_necessary
    if covered is None or to.purpose is not _NECESSARY or event in covered:
        return to.purpose
    return Purpose.ANALYTICS


@lru_cache(maxsize=64)
def _given(purpose: Purpose, basis: str) -> Step:
    return Step(_NEEDS[purpose], "granted", f"basis: {basis}")


def exempt(laws: Iterable[Law]) -> bool:
    """Whether each of these laws that asks for analytics consent exempts first-party statistics."""
    return all(law.analytics is not ConsentModel.OPT_IN or law.exemption.startswith("yes") for law in laws)


def _block(to: Destination, reason: str, steps: tuple[Step, ...]) -> Judgement:
    return Judgement(Decision(to.name, Verdict.BLOCK, reason, kept={}, legal_basis=to.legal_basis, steps=steps))
