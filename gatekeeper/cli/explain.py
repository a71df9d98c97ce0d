"""`gatekeeper explain`: what would happen to an event, rule by rule."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gatekeeper.audit import lines
from gatekeeper.cli import known
from gatekeeper.cli.console import console as open_console
from gatekeeper.cli.policy import load_policy
from gatekeeper.errors import ConfigError, unreadable
from gatekeeper.jurisdiction.networks import parse_address
from gatekeeper.model import Caller, Decision, Place, Plan, Verdict
from gatekeeper.policy import Policy
from gatekeeper.reports.explained import as_data, explain, placed, unrouted, where
from gatekeeper.reports.explained import as_headers as written


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


def place_named(policy: Policy, country: str | None, law: str | None, at: float) -> Place:
    """The place that `--country` and `--law` name; without either, an unknown one."""
    if law is not None and country is not None:
        raise typer.BadParameter("--law is for one law alone; leave out --country")
    if law is not None:
        known.one_of("--law", law, policy.laws.ids, "docs/jurisdictions.md lists the ids")
    try:
        return placed(policy, country, law, at)
    except ConfigError as error:
        raise typer.BadParameter(f"--{error}") from None


def as_query(query: str) -> bytes:
    """A query string of the command line, with or without its question mark."""
    return query.removeprefix("?").encode("utf-8", "surrogateescape")


def as_headers(cookies: list[str], headers: list[str], *, gpc: bool = False) -> tuple[tuple[bytes, bytes], ...]:
    """Cookie headers and `Name: value` headers of the command line, as a request would bring them."""
    try:
        return written(cookies, headers, gpc=gpc)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from None


def _read(source: str) -> bytes:
    try:
        body = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise unreadable(source, error) from None
    if not body.strip():
        where = "standard input" if source == "-" else source
        raise ConfigError(f'{where}: is empty; write an event, such as {{"event": "page_view"}}')
    return body


def _print(plan: Plan, console: Console) -> None:
    consent = plan.consent
    state = lines.consent_state(consent)
    laws = ", ".join(law.id for law in plan.place.laws)
    console.print(f"[bold]{escape(plan.event.name)}[/]  under {laws}; place: {where(plan.place)}")
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
