"""`gatekeeper dead-letter`: what the commands about undelivered events take."""

from __future__ import annotations

from typing import Annotated

import typer

from gatekeeper.cli.options import POLICY, AsJson, Config, Destination

dead_letter = typer.Typer(help="List, retry and purge events that could not be delivered.", no_args_is_help=True)
Ids = Annotated[list[int] | None, typer.Argument(help="Ids as `list` shows them; all by default.")]


@dead_letter.command("list")
def dead_letter_list(config: Config = POLICY, destination: Destination = None, as_json: AsJson = False) -> None:
    """List the newest dead letters with their reasons, without their content."""
    from gatekeeper.cli.dead_letter import show

    show(config, destination, as_json)


@dead_letter.command("retry")
def dead_letter_retry(
    ids: Ids = None, config: Config = POLICY, destination: Destination = None, as_json: AsJson = False
) -> None:
    """Queue dead letters again (exit code 3 if there is none)."""
    from gatekeeper.cli.dead_letter import retry

    retry(ids or [], config, destination, as_json)


@dead_letter.command("purge")
def dead_letter_purge(
    ids: Ids = None, config: Config = POLICY, destination: Destination = None, as_json: AsJson = False
) -> None:
    """Delete dead letters for good (exit code 3 if there is none)."""
    from gatekeeper.cli.dead_letter import purge

    purge(ids or [], config, destination, as_json)
