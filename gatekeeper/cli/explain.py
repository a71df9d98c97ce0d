"""`gatekeeper explain`: what would happen to an event, rule by rule."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gatekeeper.audit import lines
from gatekeeper.audit.segments import Head
from gatekeeper.cli import known
from gatekeeper.cli.console import console as open_console
from gatekeeper.cli.policy import load_policy
from gatekeeper.errors import ConfigError, EventError
from gatekeeper.gate import Gate, incoming
from gatekeeper.installation import ids, keys
from gatekeeper.installation.ring import ephemeral
from gatekeeper.jurisdiction.codes import country_code, region_code
from gatekeeper.jurisdiction.networks import parse_address
from gatekeeper.jurisdiction.place import locate
from gatekeeper.model import Caller, Decision, Place, Plan, Verdict
from gatekeeper.model.place import KNOWN_BY
from gatekeeper.policy import Policy
from gatekeeper.runtime.wiring import place_lookup
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


def run(
    source: str,
    config: Path,
    cookies: list[str],
    headers: list[str],
    ip: str | None,
    gpc: bool,
    as_json: bool,
    *,
    country: str | None,
    law: str | None,
    query: str,
) -> None:
    """Print the decision for each event of a file."""
    policy = load_policy(config, require_secrets=False)
    if ip is not None and parse_address(ip) is None:
        raise typer.BadParameter(f"--ip: {ip!r} is not an address; write 203.0.113.7, for example")
    if ip is not None and (country or law):
        raise typer.BadParameter("--ip is one way to say the place; leave it out, or --country and --law")
    caller = Caller(headers=as_headers(cookies, headers, gpc=gpc), address=ip, query=as_query(query))
    place = place_named(policy, country, law, time.time()) if country or law else None
    plans = explain(policy, _read(source), caller, place)
    if as_json:
        found = [as_data(plan, policy) for plan in plans]
        typer.echo(json.dumps(found[0] if len(found) == 1 else found, indent=2, ensure_ascii=False))
        return
    console = open_console()
    for plan in plans:
        _print(plan, console)
        others = unrouted(plan, policy)
        if others:
            where = "`events` of the destination, or [events.*]"
            console.print(f"\n[dim]not routed to {escape(', '.join(others))}: {escape(where)}[/]")


def explain(policy: Policy, body: bytes, caller: Caller, place: Place | None = None) -> list[Plan]:
    """Plans for the events of a body, as the gate would make them now; with `place`, of a visitor there."""
    gate = bystander(policy)
    gate.situations.placed = place
    at = time.time()
    try:
        return [gate.plan(posted, caller, at=at, request_id=ids.request_id(at)) for posted in incoming.parse(body)]
    except EventError as error:
        raise ConfigError(f"the event was not accepted: {error}") from None


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


def place_named(policy: Policy, country: str | None, law: str | None, at: float) -> Place:
    """The place that `--country` and `--law` name; without either, an unknown one."""
    if law is not None and country is not None:
        raise typer.BadParameter("--law is for one law alone; leave out --country")
    if law is not None:
        known.one_of("--law", law, policy.laws.ids, "docs/jurisdictions.md lists the ids")
        return Place(None, None, "caller", (policy.laws.law(law, at),))
    code, _, region = (country or "").upper().partition("-")
    if country is not None and country_code(code) is None:
        raise typer.BadParameter(f"--country: {country!r} is not a country; write DE, or US-CA with the region")
    if region and region_code(region, country_code(code) or "") is None:
        raise typer.BadParameter(f"--country: {country!r} does not end in a region; write US-CA, for example")
    return locate(
        address=None,
        how="caller",
        lookup=lambda _address: None,
        table=policy.laws,
        at=at,
        always=tuple(policy.file.jurisdiction.always),
        declared=(code, region or None) if country else None,
    )


def as_query(query: str) -> bytes:
    """A query string of the command line, with or without its question mark."""
    return query.removeprefix("?").encode("utf-8", "surrogateescape")


def as_headers(cookies: list[str], headers: list[str], *, gpc: bool = False) -> tuple[tuple[bytes, bytes], ...]:
    """Cookie headers and `Name: value` headers of the command line, as a request would bring them."""
    found = [(b"cookie", cookie.encode("utf-8", "surrogateescape")) for cookie in cookies]
    if gpc:
        found.append((b"sec-gpc", b"1"))
    for header in headers:
        name, separator, value = header.partition(":")
        if not separator or not name.strip():
            raise typer.BadParameter(f"{name!r} is not a header; write it as `Name: value`")
        pair = (name.strip().lower(), value.strip())
        found.append((pair[0].encode("utf-8", "surrogateescape"), pair[1].encode("utf-8", "surrogateescape")))
    return tuple(found)


def bystander(policy: Policy) -> Gate:
    """A gate that decides with this policy's keys, and can neither record nor deliver."""
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
        lookup=place_lookup(policy),
        recorder=nowhere,
        intake=nowhere,
        refusals=nowhere,
    )


def _read(source: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise ConfigError(f"{source}: cannot be read ({error.strerror})") from None


def _print(plan: Plan, console: Console) -> None:
    consent = plan.consent
    state = lines.consent_state(consent)
    laws = ", ".join(law.id for law in plan.place.laws)
    console.print(f"[bold]{escape(plan.event.name)}[/]  under {laws}; place: {_where(plan.place)}")
    console.print("consent: " + ", ".join(f"{p} {'[green]yes[/]' if on else '[red]no[/]'}" for p, on in state.items()))
    for step in consent.steps if consent else ():
        console.print(f"  {escape(step.rule)}: {escape(step.outcome)}  [dim]{escape(step.why)}[/]")
    shared = len(consent.steps) if consent else 0
    for decision in plan.decisions:
        console.print()
        _print_decision(decision, shared, console)


def _print_decision(decision: Decision, shared: int, console: Console) -> None:
    if decision.verdict is Verdict.BLOCK:
        console.print(f"[bold red]✗ {escape(decision.destination)}[/] blocked: [bold]{decision.reason}[/]")
    else:
        console.print(f"[bold green]✓ {escape(decision.destination)}[/] sent, basis: {decision.basis}")
    for step in decision.steps[shared:]:
        console.print(f"  {escape(step.rule)}: {escape(step.outcome)}  [dim]{escape(step.why)}[/]")
    rows = [(name, "sent", "") for name in decision.kept]
    rows += [(name, "derived", "") for name in decision.derived]
    rows += [(name, "stripped", cause) for name, cause in decision.stripped.items()]
    if rows:
        table = Table("field", "", "cause", box=None, padding=(0, 2, 0, 2), show_header=False)
        colours = {"sent": "green", "derived": "cyan", "stripped": "red"}
        for name, what, cause in rows:
            replaced = ", ".join(decision.scrubbed.get(name, ()))
            table.add_row(
                escape(name), f"[{colours[what]}]{what}[/]", cause or (f"without {replaced}" if replaced else "")
            )
        console.print(table)


def _where(place: Place) -> str:
    """The place, and how it was known."""
    name = "-".join(part for part in (place.country, place.region) if part) or "unknown"
    return f"{name} ({KNOWN_BY[place.how]})"
