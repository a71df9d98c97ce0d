"""`gatekeeper test`: the policy's own cases, how much of its rules they look at, and cases out of real lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from gatekeeper.audit.lines import timestamp_of
from gatekeeper.cli import known
from gatekeeper.cli.policy import load_policy
from gatekeeper.counting import counted
from gatekeeper.errors import ConfigError
from gatekeeper.gate.calls import plan_call
from gatekeeper.gate.recompute import Unknowable
from gatekeeper.model import Call, Caller, Decision, Plan, Verdict
from gatekeeper.model.reasons import NOT_ROUTED
from gatekeeper.policy import Policy
from gatekeeper.policy.coverage import Coverage, coverage
from gatekeeper.policy.tables.events import CallTable, CaseTable
from gatekeeper.reports import cases
from gatekeeper.reports.explained import bystander, explain
from gatekeeper.reports.period import decisions


def run(config: Path, as_json: bool) -> None:
    """Run every case; exit code 1 if one fails, or if there is none."""
    policy = load_policy(config, require_secrets=False)
    if not policy.file.tests:
        raise ConfigError(f"{config}: has no [[tests]]; docs/policy.md shows one, --from-audit writes some")
    failures = {case.name: check(policy, case) for case in policy.file.tests}
    failed = {name: found for name, found in failures.items() if found}
    looked = coverage(policy)
    if as_json:
        told = {"passed": len(failures) - len(failed), "failed": failed, "coverage": _as_data(looked)}
        typer.echo(json.dumps(told, indent=2))
    else:
        console = Console(highlight=False, soft_wrap=True)
        for name, found in failures.items():
            console.print(f"[bold red]✗[/] {escape(name)}" if found else f"[green]✓[/] {escape(name)}")
            for line in found:
                console.print(f"    {escape(line)}")
        console.print(f"{len(failures) - len(failed)} passed, {len(failed)} failed")
        console.print(f"{looked.expected} of {looked.whole} outcomes are expected by a case")
        for name, never in looked.never.items():
            console.print(f"  [dim]never expected of {escape(name)}: {', '.join(never)}[/]")
    raise typer.Exit(1 if failed else 0)


def _as_data(looked: Coverage) -> dict[str, Any]:
    return {"expected": looked.expected, "possible": looked.whole, "never": looked.never}


def from_audit(config: Path, since: str | None, limit: int) -> None:
    """Print cases that hold, out of the log: one for each outcome that no case before it shows (exit code 3: none)."""
    policy = load_policy(config, require_secrets=False)
    moment = known.moment("since", since, datetime.now(UTC).replace(tzinfo=None))
    shown: set[tuple[str, str]] = set()
    written = read = untold = 0
    for record in decisions(
        policy.audit_folder, None if moment is None else timestamp_of(moment), None, lambda _part, _count: None
    ):
        read += 1
        told = {(one["destination"], one.get("reason") or "send") for one in record["deliveries"]}
        if written >= limit or told <= shown:
            continue
        try:
            made = cases.case(record, policy.catalogue)
            holds = not check(policy, CaseTable.model_validate(made))
        except (Unknowable, ConfigError, ValidationError, KeyError, TypeError):
            holds = False
        if holds:
            written += 1
            shown |= told
            typer.echo(cases.as_toml(made))
        else:
            untold += 1
    typer.echo(
        f"{counted(written, 'case')} of {counted(read, 'line')}; {untold:,} could not be written as a case", err=True
    )
    if not written:
        raise typer.Exit(3)


def check(policy: Policy, case: CaseTable) -> list[str]:
    """What is not as the case expects, one sentence per destination."""
    cookies = [case.cookie] if isinstance(case.cookie, str) else case.cookie or []
    headers = [(b"cookie", cookie.encode()) for cookie in cookies]
    headers += [(b"sec-gpc", b"1")] if case.gpc else []
    if case.law is not None:
        if case.law not in policy.laws.ids:
            return [f'law: "{case.law}" is not a law']
        # A local visitor under that law alone.
        jurisdiction = policy.file.jurisdiction.model_copy(update={"default": case.law, "always": []})
        policy = replace(policy, file=policy.file.model_copy(update={"jurisdiction": jurisdiction}))
    country, _, region = (case.place or "").partition("-")
    caller = Caller(
        headers=tuple(headers),
        address=None if case.law is None else "127.0.0.1",
        edge=(country, region or None) if country else None,
        age_band=case.age,
    )
    plans = (
        explain(policy, orjson.dumps(case.event), caller) if case.call is None else _plans(policy, case.call, caller)
    )
    found = []
    for n, plan in enumerate(plans, 1):
        made = {decision.destination: decision for decision in plan.decisions}
        where = f"event {n} of the call, " if len(plans) > 1 else ""
        found += [
            where + line for name, wanted in case.expect.items() if (line := _differs(name, wanted, made.get(name)))
        ]
    return found


def _plans(policy: Policy, table: CallTable, caller: Caller) -> list[Plan]:
    """What would happen to each event of a call."""
    path, _, query = table.path.partition("?")
    body = table.body.encode() if isinstance(table.body, str) else orjson.dumps(table.body)
    headers: Mapping[str, str] = table.headers
    if not isinstance(table.body, str):
        headers = {"content-type": "application/json", **headers}
    said = tuple((name.lower().encode("latin-1", "replace"), one.encode("utf-8")) for name, one in headers.items())
    call = Call(table.method, path, query, said, body)
    return list(plan_call(bystander(policy), policy.destinations[table.to], call, caller).plans)


def _differs(name: str, wanted: str | list[str], decision: Decision | None) -> str | None:
    if decision is None:
        got: str | list[str] = NOT_ROUTED
    elif decision.verdict is Verdict.BLOCK:
        got = decision.reason or ""
    else:
        got = sorted(decision.kept) if isinstance(wanted, list) else "send"
    expected = sorted(wanted) if isinstance(wanted, list) else wanted
    return None if got == expected else f"{name}: expected {_shown(expected)}, got {_shown(got)}"


def _shown(value: str | list[str]) -> str:
    return ", ".join(value) or "no fields" if isinstance(value, list) else value
