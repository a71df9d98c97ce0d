"""Stage 4, decide. Pure. Event, consent and place in; a decision for one destination out.

The first failing check gives the reason (DESIGN section 3):

    jurisdiction_blocked · no consent, as the ruling says · purpose_mismatch

`event_not_routed` destinations are not asked; `insufficient_data` is found when the event is shaped.
A field is kept when the catalogue knows it, its purposes cover the destination's, and the allow-list names it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from gatekeeper.memory import Memory
from gatekeeper.model import Consent, ConsentModel, Decision, Event, Permission, Place, Purpose, Ruling, Step, Verdict
from gatekeeper.model.reasons import INTERNAL, JURISDICTION, MISMATCH, NO_CONSENT
from gatekeeper.vendors.kind import Destination

CONTEXTUAL: Final = "contextual"
# Looked up once: an enum's member costs as much as a call.
_UNKNOWN: Final = Permission.UNKNOWN
_GRANTED: Final = Permission.GRANTED
_DENIED: Final = Permission.DENIED
_SEND: Final = Verdict.SEND
_NECESSARY: Final = Purpose.NECESSARY
MOST_NAMES: Final = 64  # of an event whose names are remembered; a sender may invent any number of names
_NAME_BYTES: Final = 128  # that one name takes in one destination's `Names`
_NEEDS: Final = {purpose: f"needs {purpose}" for purpose in Purpose}


class Names(NamedTuple):
    """Which of an event's fields a destination gets: of its data, and of what was offered; and why not the others."""

    kept: tuple[str, ...]
    stripped: Mapping[str, str]
    derived: tuple[str, ...]


def sort_names(event: Event, to: Destination, contextual: bool) -> Names:
    """The names of an event's fields, sorted by what becomes of them at `to`."""
    allowed = to.fields & to.contextual if contextual else to.fields
    data = event.data
    kept: list[str] = []
    stripped: dict[str, str] = {}
    for name in event.names:
        if name not in data:
            stripped[name] = event.unusable[name]
        elif name in allowed:
            kept.append(name)
        else:
            stripped[name] = "opt_out" if name in to.fields else to.causes[name]
    derived = [name for name in event.offered if name in allowed and name not in kept] if event.offered else ()
    return Names(tuple(kept), stripped, tuple(derived))


Sort = Callable[[Event, Destination, bool], Names]
"""`sort_names`, or one that remembers what it said."""


def decide(
    event: Event,
    consent: Consent,
    place: Place,
    to: Destination,
    vendor: Permission = _UNKNOWN,
    sort: Sort = sort_names,
) -> Decision:
    """What `to` gets of `event`, and why. `vendor` is what TC strings say of the destination's own vendor id.

    `sort` says which of its fields those are: `sort_names`, as one of a gate's `Layouts` remembers it.
    """
    steps: tuple[Step, ...] = consent.steps
    if to.regions is not None:
        there = {place.country, f"{place.country}-{place.region}"} if place.country else set()
        inside = not there.isdisjoint(to.regions)
        steps += (Step("region", "inside" if inside else "outside", "the policy lists where it may be used"),)
        if not inside:
            return _block(to, JURISDICTION, steps)

    purpose = purpose_of(event, to)
    ruling = consent.rulings[purpose]
    contextual = False
    if ruling.silent and to.statistics_only and exempt(place):
        ruling = Ruling(_GRANTED, "not_opted_out")
        steps += (Step("statistics only", "exempt", "the law exempts first-party statistics, and nobody objected"),)
    if ruling.permission is not _GRANTED:
        contextual = ruling.opted_out and to.on_opt_out == CONTEXTUAL
        steps += (Step(_NEEDS[purpose], CONTEXTUAL if contextual else "denied", ruling.reason or ""),)
        if not contextual:
            return _block(to, ruling.reason or INTERNAL, steps)
    else:
        steps += (_given(purpose, ruling.basis),)

    if to.name in consent.refused and purpose in NO_CONSENT:
        steps += (Step("service", "denied", "refused by name on the consent platform"),)
        return _block(to, NO_CONSENT[purpose], steps)

    if vendor is _DENIED and purpose in NO_CONSENT:  # what is necessary needs nobody's consent
        steps += (Step(f"vendor {to.vendor_id}", "denied", "the TC string does not consent to this vendor"),)
        return _block(to, NO_CONSENT[purpose], steps)

    if purpose not in event.purposes:
        steps += (Step("declared purposes", "do not include it", ", ".join(sorted(event.purposes))),)
        return _block(to, MISMATCH, steps)

    names = sort(event, to, contextual)
    data, offered = event.data, event.offered
    kept = {name: data[name] for name in names.kept}
    for name in names.derived:
        kept[name] = offered[name]
    return Decision(
        destination=to.name,
        verdict=Verdict.CONTEXTUAL if contextual else _SEND,
        reason=None,
        kept=kept,
        stripped=names.stripped,
        derived=names.derived,
        basis=CONTEXTUAL if contextual else ruling.basis,
        legal_basis=to.legal_basis if purpose is to.purpose else "consent",
        steps=steps,
    )


def purpose_of(event: Event, to: Destination) -> Purpose:
    """What an event is sent to a destination for: analytics where it is more than the `necessary` there covers."""
    covered = to.kind.as_necessary
    if covered is None or to.purpose is not _NECESSARY or event.name in covered:
        return to.purpose
    return Purpose.ANALYTICS


class Layout:
    """What each destination gets of events that have the same names; the names and the causes alone, no values."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[str, bool], Names] = {}

    def sort(self, event: Event, to: Destination, contextual: bool) -> Names:
        """What `sort_names` says, or said of an event with these names."""
        names = self._known.get((to.name, contextual))
        if names is None:
            names = self._known[to.name, contextual] = sort_names(event, to, contextual)
        return names


class Layouts:
    """One policy's `Layout`s, by the names of events: a site's pages send the same ones over and over."""

    __slots__ = ("_destinations", "_known")

    def __init__(self, destinations: int) -> None:
        self._destinations = destinations
        self._known = Memory[Layout](entries=512, each=8_192)

    def __len__(self) -> int:
        return len(self._known)

    def of(self, event: Event) -> Layout:
        """What is known of events with these names; what is worked out for this one is put in."""
        names, unusable = event.names, event.unusable
        if len(names) != len(event.data) + len(unusable) or len(names) > MOST_NAMES:
            return Layout()
        # Every name is in one of both, so what is unusable tells what is data.
        key = (names, tuple(unusable.items()), tuple(event.offered))
        known = self._known.get(key)
        if known is None:
            known = Layout()
            self._known.put(key, known, sum(map(len, names)) + _NAME_BYTES * len(names) * self._destinations)
        return known


@lru_cache(maxsize=64)
def _given(purpose: Purpose, basis: str) -> Step:
    return Step(_NEEDS[purpose], "granted", f"basis: {basis}")


def exempt(place: Place) -> bool:
    """Whether every law of the place that asks for analytics consent exempts first-party statistics."""
    return all(law.analytics is not ConsentModel.OPT_IN or law.exemption.startswith("yes") for law in place.laws)


def _block(to: Destination, reason: str, steps: tuple[Step, ...]) -> Decision:
    return Decision(to.name, Verdict.BLOCK, reason, kept={}, legal_basis=to.legal_basis, steps=steps)
