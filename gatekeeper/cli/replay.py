"""`gatekeeper replay`: the log, decided again by another policy or other laws."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gatekeeper.cli import known
from gatekeeper.cli.console import console as open_console
from gatekeeper.cli.policy import load_policy
from gatekeeper.cli.progress import Progress
from gatekeeper.counting import counted
from gatekeeper.errors import ConfigError, unwritable
from gatekeeper.reports import replay_page
from gatekeeper.reports.outcome import Change, Replay, Turn
from gatekeeper.reports.replayed import LAWS, Wanted, replayed, time_of_laws
from gatekeeper.runtime.wiring import machine

WORDS = {
    Turn.NEWLY_SENT: "newly sent",
    Turn.NEWLY_BLOCKED: "newly blocked",
    Turn.OTHER_FIELDS: "other fields",
    Turn.OTHER_BASIS: "other basis",
    Turn.OTHER_REASON: "other reason",
}
NO_LINES = 3


class Asked(NamedTuple):
    """The options of the command, apart from the policy in force."""

    policy: Path | None
    since: str | None
    until: str | None
    laws: str
    on: str | None
    folder: Path | None
    html: Path | None
    accept_more: bool
    accept_open: bool
    as_json: bool


def run(config: Path, asked: Asked) -> None:
    """Print what would be otherwise; exit code 1 where more would be sent, or where that cannot be told."""
    known.one_of("--laws", asked.laws, LAWS)
    now = datetime.now(UTC)
    try:
        on = time_of_laws(asked.laws, asked.on, now.timestamp())
    except ConfigError as error:
        raise typer.BadParameter(f'--on: "{asked.on}" {error}') from None
    since, until = (
        known.moment(name, text, now.replace(tzinfo=None))
        for name, text in (("since", asked.since), ("until", asked.until))
    )
    current = load_policy(config, require_secrets=False)
    other = None if asked.policy is None else load_policy(asked.policy, require_secrets=False)
    here = machine(current) if asked.folder is None else None
    with nullcontext(()) if here is None else here.folders() as others:
        found = replayed(current, Wanted(other, since, until, on, asked.folder, others), Progress())
    if asked.html is not None:
        try:
            asked.html.write_text(replay_page.render(found, title=_title(other, asked)), "utf-8")
        except OSError as error:
            raise unwritable(asked.html, error) from None
        typer.echo(f"written to {asked.html}", err=True)
    if asked.as_json:
        typer.echo(json.dumps(found.as_data(), indent=2, ensure_ascii=False))
    else:
        _print(found, _title(other, asked))
    if not found.lines:
        typer.echo(f"there is no decision of that time in {asked.folder or current.audit_folder}", err=True)
        raise typer.Exit(NO_LINES)
    raise typer.Exit(_judged(found, asked))


def _judged(found: Replay, asked: Asked) -> int:
    code = 0
    if found.more and not asked.accept_more:
        typer.echo("FAIL: more is sent than before (--accept-more to accept)", err=True)
        code = 1
    if found.open and not asked.accept_open:
        typer.echo("FAIL: whether more is sent cannot be told of all (--accept-open to accept)", err=True)
        code = 1
    return code


def _title(other: object, asked: Asked) -> str:
    by = "each line's own policy" if asked.policy is None else str(asked.policy)
    laws = f"laws of {asked.on}" if asked.on else f"laws {'of today' if asked.laws == 'now' else 'as recorded'}"
    return f"Replay by {by}, {laws}"


def _print(found: Replay, title: str) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{escape(title)}[/]")
    console.print(
        f"{counted(found.events, 'event')} in {counted(found.lines, 'line')} ({found.distinct:,} distinct), "
        f"{counted(sum(found.deliveries.values()), 'delivery')}"
    )
    words = {
        "unchanged": "unchanged",
        **{turn.value: word for turn, word in WORDS.items()},
        "undecided": "not decidable",
    }
    console.print("  " + " · ".join(f"{words[name]} {found.deliveries[name]:,}" for name in words))
    if found.changes:
        table = Table("", "destination", "events", "persons", "was → is", "places", "example", box=None)
        for change, tally in found.ordered():
            mark = "[bold red]▲[/] " if change.more else ""
            places = ", ".join(f"{place} {count}" for place, count in tally.places.most_common(3))
            table.add_row(
                mark + WORDS[change.turn], escape(change.destination), f"{tally.events:,}", f"{len(tally.subjects):,}",
                escape(_turned(change)), escape(places), tally.example,
            )  # fmt: skip
            because = f"; because of {', '.join(tally.because)}" if tally.because else ""
            table.add_row("", "", "", "", f"[dim]{escape(tally.rule + because)}[/]", "", "")
        open_console().print(table)
    for (name, why), tally in sorted(found.undecided.items()):
        where = "every destination" if name == "*" else name
        console.print(
            f"not decidable: {escape(where)}, {why}: {counted(tally.events, 'event')}, such as {escape(tally.example)}"
        )
    for edit in found.unseen.values():
        console.print(f"no line shows what this edit does: {escape(edit.key)}")


def _turned(change: Change) -> str:
    fields = " ".join([*(f"+{name}" for name in change.gained), *(f"-{name}" for name in change.lost)])
    return fields if change.was == change.now else f"{change.was} → {change.now} {fields}".rstrip()
