"""`gatekeeper outbound hosts`: asks a running gate; the names are in no file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import typer
from rich.table import Table

from gatekeeper.cli.console import console as open_console
from gatekeeper.cli.policy import load_policy
from gatekeeper.errors import ConfigError
from gatekeeper.policy import Policy


def hosts(config: Path, url: str | None, as_json: bool) -> None:
    """Print what the gate at `url` remembers. Raises ConfigError where it cannot be asked."""
    policy = load_policy(config, require_secrets=False)
    told = asked(policy, url)
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    table = Table("host", "calls")
    for host, calls in told["unlisted"].items():
        table.add_row(host, str(calls))
    console = open_console()
    console.print(table)
    if told["more"]:
        console.print(f"{told['more']} calls went to further hosts; their names were too many to remember")
    for host, connections in told["uncaught"].items():
        console.print(f"{host}: {connections} connections by a client that is not caught")


def asked(policy: Policy, url: str | None) -> dict[str, Any]:
    """What the gate at `url` remembers. Raises ConfigError where it cannot be asked."""
    token = policy.admin_token
    if token is None or not token.value:
        raise ConfigError(
            "server.admin_token: missing; set one, because the gate shows the list only to callers who send it"
        )
    server = policy.file.server
    address = (url or f"http://{server.host}:{server.port}").rstrip("/") + f"{policy.prefix}/outbound"
    try:
        answer = httpx.get(address, headers={"Authorization": f"Bearer {token.value}"}, timeout=10, trust_env=False)
        told = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ConfigError(f"{address}: no gate answers there ({type(error).__name__}); say where with --url") from None
    if answer.status_code != 200:
        raise ConfigError(f"{address}: {answer.status_code} {told.get('title', '')}")
    found: dict[str, Any] = told
    return found
