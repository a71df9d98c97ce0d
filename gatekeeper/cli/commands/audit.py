"""`gatekeeper audit`: what the commands that read the log take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli.filters import GROUPABLE, Words, filtered
from gatekeeper.cli.options import POLICY, AsJson, Config

audit = typer.Typer(help="Read the audit log.", no_args_is_help=True)


@audit.command("tail")
def audit_tail(
    config: Config = POLICY,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="Number of lines, counted from the end.")] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing new lines.")] = False,
    destination: Annotated[str | None, typer.Option("--destination", "-d", help="Only this destination.")] = None,
    status: Annotated[str | None, typer.Option(help="Only this status: delivered, blocked, failed, …")] = None,
    reason: Annotated[str | None, typer.Option(help="Only this reason code.")] = None,
    event: Annotated[str | None, typer.Option(help="Only decisions on this event.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind of line: decision, outcome, checkpoint, …")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the last lines of the log, in colour; filters narrow them."""
    from gatekeeper.cli.audit import Only, tail

    tail(config, lines, follow, as_json, Only(destination, status, reason, event, kind))


@audit.command("show")
def audit_show(
    request_id: Annotated[str, typer.Argument(help="Id of a request (req_…) or of a choice (con_…).")],
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Print one record and explain it: signals, law, decisions and outcomes (exit code 3 if there is none)."""
    from gatekeeper.cli.audit import show

    show(request_id, config, as_json)


@audit.command("verify")
def audit_verify(
    config: Config = POLICY,
    folder: Annotated[Path | None, typer.Option(help="A folder other than the policy's, such as a copy.")] = None,
    anchor: Annotated[
        list[Path] | None, typer.Option(help="A file, or a folder of files, with checkpoints that were kept elsewhere.")
    ] = None,
    trust: Annotated[list[str] | None, typer.Option(help="Id of a key that you know from elsewhere.")] = None,
    roots: Annotated[
        Path | None, typer.Option(help="PEM file with the root certificates of time stamps; the policy's by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that nothing in the log was changed (exit code 1 if something was, 3 if there is no log)."""
    from gatekeeper.cli.verify import run

    run(config, folder, anchor or [], trust or [], as_json, roots)


@audit.command("anchor")
def audit_anchor(config: Config = POLICY, as_json: AsJson = False) -> None:
    """Write a checkpoint now, and send it to the anchor and to the authority for a time stamp."""
    from gatekeeper.cli.anchor import run

    run(config, as_json)


@audit.command("query")
@filtered()
def audit_query(
    config: Config = POLICY,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Number of rows, newest first.")] = 100,
    form: Annotated[str, typer.Option("--format", help="table, json or csv.")] = "table",
    as_json: AsJson = False,
    *,
    words: Words,
    people: Words,
) -> None:
    """Find deliveries by time, destination, status, reason, law, event, field or person."""
    from gatekeeper.cli.audit_query import query

    query(config, words, people, limit, "json" if as_json else form)


@audit.command("export")
@filtered()
def audit_export(
    target: Annotated[Path, typer.Argument(help="File to write: .csv, .json or .parquet.")],
    config: Config = POLICY,
    as_json: AsJson = False,
    *,
    words: Words,
    people: Words,
) -> None:
    """Write deliveries to a CSV, JSON or Parquet file."""
    from gatekeeper.cli.audit_query import export

    export(config, words, people, target, as_json)


@audit.command("stats")
@filtered(GROUPABLE)
def audit_stats(
    config: Config = POLICY,
    by: Annotated[str, typer.Option(help="hour, day, week or month.")] = "day",
    html: Annotated[Path | None, typer.Option(help="Also write a page with charts to this file.")] = None,
    as_json: AsJson = False,
    *,
    words: Words,
    people: Words,
) -> None:
    """Draw consent rates and blocked reasons over time."""
    from gatekeeper.cli.audit_query import stats

    stats(config, words, people, by, html, as_json)
