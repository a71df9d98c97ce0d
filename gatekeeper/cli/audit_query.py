"""`gatekeeper audit query`, `stats` and `export`: questions over the whole log (extra `gatekeeper-consent[query]`)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from gatekeeper.audit import asking, numbers, page
from gatekeeper.audit import query as log
from gatekeeper.cli import exits, known
from gatekeeper.cli.audit import STATUS_STYLE
from gatekeeper.cli.console import console as open_console
from gatekeeper.cli.policy import load_policy
from gatekeeper.counting import counted
from gatekeeper.errors import unwritable
from gatekeeper.installation import keys
from gatekeeper.installation.ring import KeyRing
from gatekeeper.policy import Policy
from gatekeeper.runtime.wiring import machine

BAR = 30


@contextmanager
def which(
    config: Path, words: dict[str, str | None], people: dict[str, str | None]
) -> Iterator[tuple[Path, Sequence[Path], log.Filter]]:
    """The log's folder, those of other machines, which stay as they are, and the filter that the options ask for."""
    policy = load_policy(config, require_secrets=False)
    here = machine(policy)
    with nullcontext(()) if here is None else here.folders() as others:
        yield policy.audit_folder, others, _filter(policy, others, words, people)


def _filter(
    policy: Policy, others: Sequence[Path], words: dict[str, str | None], people: dict[str, str | None]
) -> log.Filter:
    def ring() -> KeyRing:
        """The keys, once there is something to look for."""
        if not others:
            exits.need_log(policy.audit_folder)
        return keys.load(policy.keys_folder, create=False)

    if people.get("email") == "-":
        people = people | {"email": sys.stdin.readline().strip()}
    now = datetime.now(UTC).replace(tzinfo=None)
    try:
        chosen = asking.filter_of(policy, words, people, now, ring, others)
    except asking.UnknownWordError as error:
        raise typer.BadParameter(f"--{error}") from None
    if not others:
        exits.need_log(policy.audit_folder)
    return chosen


def query(config: Path, words: dict[str, str | None], people: dict[str, str | None], limit: int, form: str) -> None:
    """Print the newest rows."""
    known.one_of("--format", form, ("table", "json", "csv"))
    with which(config, words, people) as (folder, others, chosen):
        found = log.rows(folder, chosen, limit=limit, others=others)
    match form:
        case "json":
            for row in found:
                typer.echo(json.dumps(row, ensure_ascii=False))
        case "csv":
            log.write_csv(found, sys.stdout)
        case _:
            _print_rows(found, limit)


def export(
    config: Path, words: dict[str, str | None], people: dict[str, str | None], target: Path, as_json: bool
) -> None:
    """Write every row to a file."""
    if target.suffix not in log.FORMATS:
        raise typer.BadParameter(
            f'"{target.name}" has no known ending; write to a file that ends in {", ".join(log.FORMATS)}'
        )
    with which(config, words, people) as (folder, others, chosen):
        count = log.export(folder, chosen, target, others=others)
    typer.echo(
        json.dumps({"rows": count, "file": str(target)}) if as_json else f"{counted(count, 'row')} written to {target}"
    )


def stats(
    config: Path, words: dict[str, str | None], people: dict[str, str | None], by: str, html: Path | None, as_json: bool
) -> None:
    """Print numbers over time; with `html`, write them as a page too."""
    known.one_of("--by", by, numbers.STEPS)
    with which(config, words, people) as (folder, others, chosen):
        found = numbers.statistics(folder, chosen, by=by, others=others)
    if html is not None:
        try:
            html.write_text(page.render(found, title="Gatekeeper: what was sent, and what was not"), "utf-8")
        except OSError as error:
            raise unwritable(html, error) from None
        typer.echo(f"written to {html}", err=True)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False))
        return
    _print_stats(found)


def _print_rows(found: list[dict[str, Any]], limit: int) -> None:
    table = Table(box=None)
    for title in ("time", "request", "event", "destination", "status", "reason"):
        table.add_column(title, no_wrap=True, overflow="fold")
    table.add_column("sent")
    table.add_column("law")
    for row in found:
        style = STATUS_STYLE.get(row["status"], "white")
        table.add_row(
            row["decided_at"], row["request_id"], escape(row["event"]), escape(row["destination"]),
            f"[{style}]{row['status']}[/]", escape(row["reason"] or ""), " ".join(row["sent"]), " ".join(row["laws"]),
        )  # fmt: skip
    open_console().print(table)
    more = f"; the newest {limit} are shown" if len(found) == limit else ""
    typer.echo(f"{counted(len(found), 'delivery')}{more}", err=True)


def _print_stats(found: numbers.Statistics) -> None:
    console = open_console()
    table = Table("time", "events", "analytics", "", "marketing", "", "GPC", box=None, title="Consent, % of events")
    for one in found.periods:
        shares = [100 * part / one.events if one.events else 0 for part in (one.analytics, one.marketing, one.gpc)]
        table.add_row(
            one.begins, str(one.events), f"[green]{_bar(shares[0])}[/]", f"{shares[0]:.0f} %",
            f"[cyan]{_bar(shares[1])}[/]", f"{shares[1]:.0f} %", f"{shares[2]:.0f} %",
        )  # fmt: skip
    console.print(table)
    totals: dict[str, int] = {}
    for one in found.periods:
        for reason, count in one.blocked.items():
            totals[reason] = totals.get(reason, 0) + count
    if totals:
        most = max(totals.values())
        reasons = Table("reason", "", "deliveries", box=None, title="Blocked")
        for reason, count in sorted(totals.items(), key=lambda item: -item[1]):
            reasons.add_row(escape(reason), f"[red]{_bar(100 * count / most)}[/]", str(count))
        console.print(reasons)
    statuses = sorted({status for counts in found.destinations.values() for status in counts})
    table = Table("destination", *statuses, box=None, title="Destinations")
    for name, counts in found.destinations.items():
        table.add_row(escape(name), *(str(counts.get(status, 0)) for status in statuses))
    console.print(table)


def _bar(percent: float) -> str:
    eighths = round(percent / 100 * BAR * 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
