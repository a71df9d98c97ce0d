"""What a decision line tells of its event. Pure. The line and its policy in; moment, place, signals and event out.

Valid values stand in for those that the line does not hold (`vendors/samples.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from gatekeeper.model import Event, Law, Permission, Place, Purpose, Role, Signal, Standing
from gatekeeper.policy import Policy
from gatekeeper.vendors import samples

_CURRENCY: Final = "currency"


def moment(record: Mapping[str, Any]) -> float:
    """When a line was decided, in Unix seconds with their fraction."""
    given = record["inputs"]
    if "at" in given:
        return float(given["at"])
    second: int = _seconds(record["timestamp"])
    milliseconds: int = given.get("ms", 0)
    return (second * 1000 + milliseconds) / 1000


def _seconds(timestamp: str) -> int:
    return int(datetime.fromisoformat(timestamp).timestamp())


def place_of(record: Mapping[str, Any], policy: Policy, at: float, laws: tuple[Law, ...] | None = None) -> Place:
    """The place of a line, under the laws that it names, or under these."""
    told = record["jurisdiction"]
    country, region = told["country"], told["region"]
    if laws is None:
        by_id = {law.id: law for law in policy.laws.laws_for(country, region, at)}
        other = record["inputs"].get("laws", {})
        laws = tuple(_law(by_id.get(name) or policy.laws.law(name, at), other.get(name)) for name in told["laws"])
    return Place(country, region, told["how"], laws)


def _law(law: Law, here: list[Any] | None) -> Law:
    """A law as it was where the line says that it was not the table's."""
    if here is None:
        return law
    age, exempt = here
    return replace(law, child_age=age, exemption="yes" if exempt else "")


def signal_of(told: Mapping[str, Any]) -> Signal:
    """A signal of a line."""
    at = told.get("at")
    if at is None and told["given_at"] is not None:
        at = float(_seconds(told["given_at"]))
    return Signal(
        source=told["source"],
        role=Role(told["role"]),
        standing=Standing(told["standing"]),
        says={Purpose(purpose): Permission(word) for purpose, word in told["says"].items()},
        at=at,
        voice=told.get("voice", ""),
        denies_as=told.get("denies_as"),
        note=told["note"],
        beside=told.get("beside", 0),
        refuses=tuple(told.get("refuses", ())),
    )


def event_of(record: Mapping[str, Any], policy: Policy, at: float) -> Event:
    """The event, with a stand-in for each value that was fit for use."""
    given, catalogue = record["inputs"], policy.catalogue
    unusable: dict[str, str] = dict(given.get("unusable", {}))
    data: dict[str, object] = {}
    names: dict[str, None] = {}
    for name in given.get("fields", ()):
        row = catalogue.by_name.get(name)
        if row is None:
            unusable.setdefault(name, "unknown_field")  # or it was one of another policy
        names[name if row is None or name in unusable else row.key] = None
        if row is not None and name not in unusable:
            data[row.key] = samples.sample(row, hashed=row.hashed_as is not None and name == row.key)
    declared = given.get("purposes")
    name = record["event_type"]
    return Event(
        name=name,
        id=record["request_id"],
        time=given.get("event_time", at),
        data=data,
        purposes=_purposes(declared, name, policy),
        offered=_offered(given, data, policy),
        unusable=unusable,
        names=tuple(names),
    )


def _purposes(declared: list[str] | None, name: str, policy: Policy) -> frozenset[Purpose]:
    if declared is not None:
        return frozenset(map(Purpose, declared))
    return policy.event_purposes.get(name, frozenset(Purpose))


def _offered(given: Mapping[str, Any], data: Mapping[str, object], policy: Policy) -> dict[str, object]:
    """Stand-ins for what the gate itself knew; the currency of an event is the policy's."""
    known = [name for name in given.get("offered", ()) if name != _CURRENCY]
    if given["kind"] != "call" and policy.file.policy.currency is not None and "order_value" in data:
        known.insert(0, _CURRENCY)
    return {name: samples.sample(policy.catalogue.by_key[name]) for name in known}
