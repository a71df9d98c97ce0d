"""Under which laws an event is decided again. Pure. A line and two policies in, laws out.

recorded   the laws that the line names, as far as the other policy has the same for its places
now, on    the laws that the other policy has for its places at a given time
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatekeeper.model import Law
from gatekeeper.policy import Policy


class Unexplained(Exception):  # noqa: N818  # a finding about the line, not a fault
    """The law table and the policy's own laws have both changed: what the recorded laws would be is open."""


def laws(
    record: Mapping[str, Any], then: Policy, policy: Policy, at: float, *, on: float | None = None
) -> tuple[Law, ...] | None:
    """The laws to decide a line of the time `at` by; `None` for those that it names.

    `on` is another time whose laws are wanted. Raises Unexplained.
    """
    if on is not None:
        return of_policy(record, policy, on)
    before, after = of_policy(record, then, at), of_policy(record, policy, at)
    if [law.id for law in before] == [law.id for law in after]:
        return None
    if {law.id for law in before} != set(record["jurisdiction"]["laws"]):
        raise Unexplained
    return after


def of_policy(record: Mapping[str, Any], policy: Policy, at: float) -> tuple[Law, ...]:
    """The laws of a line's places by a policy, as `jurisdiction.place.locate` adds them up."""
    table, place = policy.file.jurisdiction, record["jurisdiction"]
    beside = tuple((country, region) for country, region in record["inputs"].get("beside", ()))
    always = tuple(table.always)
    if place["how"] == "local" and table.default is not None:
        return policy.laws.union(beside, (table.default, *always), at)
    return policy.laws.union(((place["country"], place["region"]), *beside), always, at)
