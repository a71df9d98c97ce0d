"""`gatekeeper retention` and `outbound`: a command each."""

from __future__ import annotations

from typing import Annotated

import typer

from gatekeeper.cli.options import POLICY, AsJson, Config

retention = typer.Typer(help="Show or remove data whose retention period is over.", no_args_is_help=True)
outbound = typer.Typer(help="Show which hosts the app's own HTTP clients call.", no_args_is_help=True)


@retention.command("run")
def retention_run(
    config: Config = POLICY,
    dry: Annotated[bool, typer.Option("--dry-run", help="Only show what would be removed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove data kept longer than the policy says: references and lines of the log, consent records, statistics."""
    from gatekeeper.cli.retention import run

    run(config, dry, as_json)


@retention.command("show")
def retention_show(config: Config = POLICY, as_json: AsJson = False) -> None:
    """Show how long each kind of data is kept, by which key, and what is overdue."""
    from gatekeeper.cli.retention import show

    show(config, as_json)


@outbound.command("hosts")
def outbound_hosts(
    config: Config = POLICY,
    url: Annotated[
        str | None, typer.Option(help="Address of the app with the gate; the policy's server by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List hosts called by a running app that are not in any table, the most called first (exit code 1 if none)."""
    from gatekeeper.cli.outbound import hosts

    hosts(config, url, as_json)
