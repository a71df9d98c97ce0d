"""What a decision was made from. Pure. A plan in, the `inputs` of its line out: enough to make the decision again.

Names, times and short codes, never a value; what is as usual is left out. `gatekeeper/gate/recompute.py` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from gatekeeper.audit.vocabulary import Names
from gatekeeper.consent.minors import AGE_BANDS
from gatekeeper.model import Personal, Purpose, Verdict

if TYPE_CHECKING:
    from gatekeeper.model import Plan
    from gatekeeper.policy import Policy

UNKNOWN_AGE: Final = "unknown"  # a band that is in no table: it counts as the youngest
_BLOCK: Final = Verdict.BLOCK
_PURPOSES: Final = tuple(Purpose)


def of_event(plan: Plan, policy: Policy, names: Names, more: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from event to event, and `more`, what `of_place` says of its place."""
    event, given = plan.event, plan.inputs
    told: dict[str, Any] = {"kind": given.kind, **more}
    if plan.consent is None:
        told["decided"] = False
        return told
    second = int(plan.at // 1)
    milliseconds = round((plan.at - second) * 1000)
    if (second * 1000 + milliseconds) / 1000 != plan.at:
        told["at"] = plan.at
    elif milliseconds:  # which the line's timestamp does not say
        told["ms"] = milliseconds
    if event.time != plan.at:
        told["event_time"] = event.time
        if given.held:
            told["held"] = True
    if given.age is not None:
        told["age"] = given.age if given.age in AGE_BANDS else UNKNOWN_AGE
    if given.declared:
        told["purposes"] = [purpose for purpose in _PURPOSES if purpose in given.declared]
    named, unusable = event.names, event.unusable
    if unusable and all(one.verdict is _BLOCK for one in plan.decisions):
        # A refusal must not enlarge what is kept: what no destination could ever get does not bear on it.
        by_key = policy.catalogue.by_key
        unusable = {name: cause for name, cause in unusable.items() if name in by_key}
        named = tuple([name for name in named if name in by_key])
    if named:
        data = event.data
        if not policy.catalogue.personal.isdisjoint(data):
            # A personal field that came raw is named as that: it can be hashed as each vendor wants it.
            by_key = policy.catalogue.by_key
            named = tuple(
                [
                    by_key[name].name if type(value := data.get(name)) is Personal and not value.hashed else name
                    for name in named
                ]
            )
        told["fields"] = names.each(named)
    if event.offered:
        told["offered"] = [*event.offered]
    if unusable:
        told["unusable"] = names.keys(unusable)
    if given.unnamed:
        told["unnamed"] = True
    if given.vendors:
        told["vendors"] = given.vendors
    if given.unfit:
        told["unfit"] = given.unfit
    return told


def of_place(plan: Plan, policy: Policy) -> dict[str, Any]:
    """What the place and the ids of its laws do not say: other places, and laws that are otherwise there."""
    if plan.consent is None:
        return {}
    place, found = plan.place, {}
    there = {law.id: law for law in policy.laws.laws_for(place.country, place.region, plan.at)}
    for law in place.laws:
        if (there.get(law.id) or policy.laws.law(law.id, plan.at)) != law:
            found[law.id] = [law.child_age, law.exemption.startswith("yes")]
    told: dict[str, Any] = {"laws": found} if found else {}
    if place.beside:
        told["beside"] = place.beside
    return told
