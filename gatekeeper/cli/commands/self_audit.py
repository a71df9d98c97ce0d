"""`gatekeeper self-audit`: what the command takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli.options import POLICY, AsJson, Config


def self_audit(
    config: Config = POLICY,
    day: Annotated[str | None, typer.Option(help="The day, YYYY-MM-DD, UTC; yesterday by default.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only this check; may be repeated.")] = None,
    url: Annotated[
        str | None,
        typer.Option(help="Ask the gate at this address which hosts its app calls; by default no gate is asked."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Also write a page to this file: .html, .md or .json.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the pages in the folder of the nightly ones.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check that the gate did what the policy says (exit code 1 if something is found, 3 if there is no log)."""
    from gatekeeper.cli.self_audit import Asked, run

    run(config, Asked(day, only or [], url, out, keep, as_json))
