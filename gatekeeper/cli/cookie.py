"""`gatekeeper cookie`: the consent cookie of a visitor who chose so, for curl, `explain` and tests."""

from __future__ import annotations

import json
import time
from pathlib import Path

import typer

from gatekeeper.cli.policy import load_policy
from gatekeeper.shells.asgi.issue import issue_consent


def run(
    config: Path,
    *,
    analytics: bool,
    marketing: bool,
    notice: str | None,
    subject: str | None,
    days: float,
    set_cookie: bool,
    as_json: bool,
) -> None:
    """Print the value of a Cookie header, or of a Set-Cookie header with `set_cookie`."""
    line = issue_consent(
        config=load_policy(config, require_secrets=False),
        analytics=analytics,
        marketing=marketing,
        notice_version=notice,
        subject=subject,
        at=time.time() - days * 86_400,
    )
    pair = line.partition(";")[0]
    if as_json:
        name, _, value = pair.partition("=")
        typer.echo(json.dumps({"name": name, "value": value, "cookie": pair, "set_cookie": line}, indent=2))
        return
    typer.echo(line if set_cookie else pair)
