"""What would happen to an event, rule by rule. Acts: looks an address up and reads the keys; records and sends nothing.

`gatekeeper explain` prints it and the console shows it: the policy, an event's body and a caller in, `Plan`s out.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any

from gatekeeper.audit import lines
from gatekeeper.audit.segments import Head
from gatekeeper.errors import ConfigError, EventError
from gatekeeper.gate import Gate, incoming
from gatekeeper.geoip.reader import Locations
from gatekeeper.installation import ids, keys
from gatekeeper.installation.ring import ephemeral
from gatekeeper.jurisdiction.codes import country_code, region_code
from gatekeeper.jurisdiction.place import locate
from gatekeeper.model import Caller, Place, Plan, Verdict
from gatekeeper.model.place import KNOWN_BY
from gatekeeper.policy import Policy
from gatekeeper.storage.outbox import Accepted


class _Nowhere:
    """Records and delivers nothing: explaining must not act."""

    def append(self, batch: object) -> Future[Head | None]:
        """Refuse to record: `explain` changes nothing."""
        raise RuntimeError("explain does not record")

    def put(self, batch: object) -> None:
        """Refuse to record: `explain` changes nothing."""
        raise RuntimeError("explain does not record")

    def failing(self) -> bool:
        """Say that nothing failed: `explain` does not ask."""
        return False

    def room(self, destination: str, count: int, *, ours: bool = True) -> bool:
        """Say that there is room: `explain` does not ask."""
        return True

    def accept(self, arrivals: object) -> Future[Accepted]:
        """Refuse to deliver: `explain` changes nothing."""
        raise RuntimeError("explain does not deliver")

    def sweep(self, refusals: object) -> None:
        """Find nothing to end: `explain` queues nothing."""


def explain(policy: Policy, body: bytes, caller: Caller, place: Place | None = None) -> list[Plan]:
    """Plans for the events of a body, as the gate would make them now; with `place`, of a visitor there."""
    gate = bystander(policy, place)
    at = time.time()
    try:
        return [gate.plan(posted, caller, at=at, request_id=ids.request_id(at)) for posted in incoming.parse(body)]
    except EventError as error:
        hint = f" ({error.detail})" if error.detail else ""
        raise ConfigError(f"the event was not accepted: {error}{hint}") from None


def as_data(plan: Plan, policy: Policy) -> dict[str, Any]:
    """The audit record, and for each destination the rules in the order they were looked at."""
    record = lines.decision_record(plan, policy)
    for delivery, decision in zip(record["deliveries"], plan.decisions, strict=True):
        delivery["verdict"] = decision.verdict
        delivery["purpose"] = policy.destinations[decision.destination].purpose
        delivery["rules"] = [{"rule": s.rule, "outcome": s.outcome, "why": s.why} for s in decision.steps]
        if decision.verdict is not Verdict.BLOCK:
            delivery["status"] = "would be sent"
    record["not_routed"] = unrouted(plan, policy)
    record["kind"] = "explanation"
    return record


def unrouted(plan: Plan, policy: Policy) -> list[str]:
    """Destinations that the policy does not route the event to."""
    routed = {decision.destination for decision in plan.decisions}
    return [name for name in policy.destinations if name not in routed]


def placed(policy: Policy, country: str | None, law: str | None, at: float) -> Place:
    """The place that a country (`DE`, `US-CA`) or a law alone names; without either, an unknown one.

    Raises ConfigError for what is not one.
    """
    if law is not None:
        if country is not None:
            raise ConfigError("law: is for one law alone; leave out the country")
        if law not in policy.laws.ids:
            raise ConfigError(f'law: "{law}" is not the id of a law; docs/jurisdictions.md lists them')
        return Place(None, None, "caller", (policy.laws.law(law, at),))
    code, _, region = (country or "").upper().partition("-")
    if country is not None and country_code(code) is None:
        raise ConfigError(f"country: {country!r} is not a country; write DE, or US-CA with the region")
    if region and region_code(region, country_code(code) or "") is None:
        raise ConfigError(f"country: {country!r} does not end in a region; write US-CA, for example")
    return locate(
        address=None,
        how="caller",
        lookup=lambda _address: None,
        table=policy.laws,
        at=at,
        always=tuple(policy.file.jurisdiction.always),
        declared=(code, region or None) if country else None,
    )


def as_headers(
    cookies: Iterable[str], headers: Iterable[str] = (), *, gpc: bool = False
) -> tuple[tuple[bytes, bytes], ...]:
    """Cookie headers and `Name: value` headers as a request would bring them. Raises ConfigError."""
    found = [(b"cookie", cookie.encode("utf-8", "surrogateescape")) for cookie in cookies]
    if gpc:
        found.append((b"sec-gpc", b"1"))
    for header in headers:
        name, separator, value = header.partition(":")
        if not separator or not name.strip():
            raise ConfigError(f"{name!r} is not a header; write it as `Name: value`")
        pair = (name.strip().lower(), value.strip())
        found.append((pair[0].encode("utf-8", "surrogateescape"), pair[1].encode("utf-8", "surrogateescape")))
    return tuple(found)


def bystander(policy: Policy, place: Place | None = None) -> Gate:
    """A gate that decides with this policy's keys, and can neither record nor deliver; `place` is every visitor's."""
    try:
        ring = keys.load(policy.keys_folder, create=False)
    except ConfigError:
        ring = ephemeral()  # no gate has run here yet: no cookie of ours can be verified either
    nowhere = _Nowhere()
    return Gate(
        policy,
        ring,
        clock=time.time,
        new_id=ids.request_id,
        lookup=Locations(policy.database_path),
        recorder=nowhere,
        intake=nowhere,
        refusals=nowhere,
        placed=place,
    )


def where(place: Place) -> str:
    """The place, and how it was known."""
    name = "-".join(part for part in (place.country, place.region) if part) or "unknown"
    return f"{name} ({KNOWN_BY[place.how]})"
