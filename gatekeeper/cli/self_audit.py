"""`gatekeeper self-audit`: the checks of a day, printed; a page of them written."""

from __future__ import annotations

import json
import time
from datetime import date
from pathlib import Path
from typing import NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from gatekeeper.cli import exits, known
from gatekeeper.cli.outbound import asked as ask
from gatekeeper.cli.policy import load_policy
from gatekeeper.cli.progress import Progress
from gatekeeper.errors import unwritable
from gatekeeper.policy import Policy
from gatekeeper.reports import self_audit, self_audit_page
from gatekeeper.reports.audited import Audited
from gatekeeper.reports.checks import CHECKS, Calls

_SHOWN = 20  # findings of a check that are printed
_FORMS = {".html": self_audit_page.html, ".md": self_audit_page.markdown}


class Asked(NamedTuple):
    """The options of the command."""

    day: str | None
    only: list[str]
    url: str | None
    out: Path | None
    keep: bool
    as_json: bool


def run(config: Path, asked: Asked) -> None:
    """Print what was looked at and what was found; exit code 1 if there is any finding."""
    for name in asked.only:
        known.one_of("--only", name, [check.name for check in CHECKS])
    if asked.out is not None and asked.out.suffix not in (*_FORMS, ".json"):
        raise typer.BadParameter(f'--out: "{asked.out}" has no known ending; end it in .html, .md or .json')
    if asked.keep and asked.only:
        raise typer.BadParameter("--keep: only a page of all checks is kept; leave out --only")
    now = time.time()
    day = _day(asked.day, now)
    policy = load_policy(config, require_secrets=False)
    exits.need_log(policy.audit_folder)
    calls = None if asked.url is None else _calls(policy, asked.url)
    found = self_audit.self_audit(policy, day, now=now, only=asked.only, calls=calls, progress=Progress())
    _write(policy, found, asked)
    if asked.as_json:
        typer.echo(json.dumps(found.as_data(), indent=2, ensure_ascii=False))
    else:
        _print(found)
    if found.findings:
        raise typer.Exit(exits.FAILED)


def _day(text: str | None, now: float) -> date:
    last = self_audit.yesterday(now)
    try:
        day = last if text is None else date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f'--day: "{text}" is not a day; write {last}') from None
    if day > last:
        raise typer.BadParameter(f"--day: {day} is not over (UTC); write {last} or an earlier day")
    return day


def _calls(policy: Policy, url: str) -> Calls:
    told = ask(policy, url)
    return Calls(told["unlisted"], told["more"], told["uncaught"])


def _write(policy: Policy, found: Audited, asked: Asked) -> None:
    try:
        if asked.out is not None:
            made = _FORMS.get(asked.out.suffix)
            text = json.dumps(found.as_data(), indent=2, ensure_ascii=False).encode() if made is None else made(found)
            asked.out.write_bytes(text)
        if asked.keep:
            typer.echo(f"kept in {self_audit.keep(policy, found)}", err=True)
    except OSError as error:
        raise unwritable(error.filename or asked.out, error) from None


def _print(found: Audited) -> None:
    console = Console(highlight=False, soft_wrap=True, markup=False)
    table = Table("check", "found", "looked at", box=None)
    for one in found.checks:
        count = len(one.result.findings)
        table.add_row(one.name, str(count) if count else "nothing", one.result.seen)
    console.print(f"Self-audit of {found.day} (UTC)")
    console.print(table)
    for one in found.checks:
        for finding in one.result.findings[:_SHOWN]:
            times = f" ({finding.times:,} times)" if finding.times > 1 else ""
            such = f", such as {finding.example}" if finding.example else ""
            console.print(f"{one.name}: {finding.about}: {finding.said}{times}{such}")
        if len(one.result.findings) > _SHOWN:
            console.print(f"{one.name}: and {len(one.result.findings) - _SHOWN} more; --json has them")
