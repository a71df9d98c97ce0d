"""`gatekeeper test`: the policy's own cases."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import orjson
import typer
from rich.console import Console
from rich.markup import escape

from gatekeeper.cli.explain import explain
from gatekeeper.cli.policy import load_policy
from gatekeeper.errors import ConfigError
from gatekeeper.model import Caller, Decision, Verdict
from gatekeeper.model.reasons import NOT_ROUTED
from gatekeeper.policy import Policy
from gatekeeper.policy.file import CaseTable


def run(config: Path, as_json: bool) -> None:
    """Run every case; exit code 1 if one fails, or if there is none."""
    policy = load_policy(config, require_secrets=False)
    if not policy.file.tests:
        raise ConfigError(f"{config}: has no [[tests]]; docs/policy.md shows one")
    failures = {case.name: check(policy, case) for case in policy.file.tests}
    failed = {name: found for name, found in failures.items() if found}
    if as_json:
        typer.echo(json.dumps({"passed": len(failures) - len(failed), "failed": failed}, indent=2))
    else:
        console = Console(highlight=False, soft_wrap=True)
        for name, found in failures.items():
            console.print(f"[bold red]✗[/] {escape(name)}" if found else f"[green]✓[/] {escape(name)}")
            for line in found:
                console.print(f"    {escape(line)}")
        console.print(f"{len(failures) - len(failed)} passed, {len(failed)} failed")
    raise typer.Exit(1 if failed else 0)


def check(policy: Policy, case: CaseTable) -> list[str]:
    """What is not as the case expects, one sentence per destination."""
    headers = [(b"cookie", case.cookie.encode())] if case.cookie is not None else []
    headers += [(b"sec-gpc", b"1")] if case.gpc else []
    if case.law is not None:
        if case.law not in policy.laws.ids:
            return [f'law: "{case.law}" is not a law']
        # A local visitor under that law alone.
        jurisdiction = policy.file.jurisdiction.model_copy(update={"default": case.law, "always": []})
        policy = replace(policy, file=policy.file.model_copy(update={"jurisdiction": jurisdiction}))
    caller = Caller(headers=tuple(headers), address=None if case.law is None else "127.0.0.1")
    (plan,) = explain(policy, orjson.dumps(case.event), caller)
    made = {decision.destination: decision for decision in plan.decisions}
    return [line for name, wanted in case.expect.items() if (line := _differs(name, wanted, made.get(name)))]


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
