"""`gatekeeper geoip`: what the commands about the location database take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli.options import POLICY, AsJson, Config

geoip = typer.Typer(help="Show and update the location database.", no_args_is_help=True)


@geoip.command("info")
def geoip_info(config: Config = POLICY, as_json: AsJson = False) -> None:
    """Show source, age and licence of the location database (exit code 1 if it cannot be used)."""
    from gatekeeper.cli.geoip import info

    info(config, as_json)


@geoip.command("update")
def geoip_update(
    path: Annotated[
        Path | None, typer.Option(help="File to write; the policy's jurisdiction.database by default.")
    ] = None,
    edition: Annotated[str, typer.Option(help="dbip-city-lite, dbip-country-lite, or a MaxMind edition.")] = (
        "dbip-city-lite"
    ),
    account: Annotated[str | None, typer.Option(envvar="MAXMIND_ACCOUNT_ID", help="MaxMind account id.")] = None,
    key: Annotated[
        str | None, typer.Option(envvar="MAXMIND_LICENSE_KEY", help="MaxMind licence key.", show_envvar=True)
    ] = None,
    config: Config = POLICY,
    proxy: Annotated[str | None, typer.Option(help="Forward proxy; the environment's is never used.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a newer location database and install it; running processes start to use it."""
    from gatekeeper.cli.geoip import update

    update(path, edition, account, key, config, proxy, as_json)
