"""`gatekeeper replay`: what the command takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli.options import POLICY, AsJson, Config


def replay(
    config: Config = POLICY,
    policy: Annotated[
        Path | None, typer.Option("--policy", "-p", help="The other policy; each line's own by default.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="From this time on: 2026-11-24, an RFC 3339 time, or 1d.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this time.")] = None,
    laws: Annotated[
        str, typer.Option(help="recorded: the laws that the lines name; now: those in force today.")
    ] = "recorded",
    on: Annotated[str | None, typer.Option("--on", help="Under the laws of this day, YYYY-MM-DD.")] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="A log other than the policy's, such as a copy; the folder `policies` must be beside it."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Also write a page with tables and charts to this file.")] = None,
    accept_more: Annotated[
        bool, typer.Option("--accept-more", help="Exit with 0 even if more is sent than before.")
    ] = False,
    accept_open: Annotated[
        bool, typer.Option("--accept-open", help="Exit with 0 even if some events cannot be decided.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Decide the log again by another policy or other laws (exit code 1 if more is sent, 3 if there are no lines)."""
    from gatekeeper.cli.replay import Asked, run

    run(config, Asked(policy, since, until, laws, on, folder, html, accept_more, accept_open, as_json))
