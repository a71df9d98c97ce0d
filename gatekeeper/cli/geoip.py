"""`gatekeeper geoip`: what the location database is, and a newer one."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from gatekeeper.cli.policy import load_policy
from gatekeeper.counting import counted
from gatekeeper.errors import ConfigError
from gatekeeper.geoip.info import GeoInfo, warnings
from gatekeeper.geoip.info import info as describe
from gatekeeper.geoip.update import update as fetch


def info(config: Path, as_json: bool) -> None:
    """Describe the policy's database, or the bundled one where there is no policy."""
    about = describe(_path(config), now=time.time())
    if as_json:
        typer.echo(json.dumps(asdict(about), indent=2))
    else:
        _print(about)
    raise typer.Exit(1 if about.problem else 0)


def update(
    path: Path | None,
    edition: str,
    account: str | None,
    key: str | None,
    config: Path,
    proxy: str | None,
    as_json: bool,
) -> None:
    """Fetch an edition, with a progress bar, to `path` or to the policy's database."""
    target = path or _path(config)
    if target is None:
        raise ConfigError('jurisdiction.database: is not set; set it to "var/locations.mmdb", or give --path')
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(edition, total=None)
        about = fetch(
            target,
            now=time.time(),
            edition=edition,
            account=account,
            key=key,
            proxy=proxy,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if as_json:
        typer.echo(json.dumps(asdict(about), indent=2))
    else:
        _print(about)


def _path(config: Path) -> Path | None:
    return load_policy(config, require_secrets=False).database_path if config.exists() else None


def _print(about: GeoInfo) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"file     {about.path}")
    if about.problem is None:
        console.print(f"source   {about.source} ({about.type})")
        console.print(f"built    {about.built}, {counted(about.age_days or 0, 'day')} ago")
        console.print(f"licence  {about.licence}")
        console.print(f"regions  {'yes' if about.regions else 'no'}; {about.size / 1e6:.1f} MB")
        if about.credit:
            console.print(f"credit   {about.credit}")
    for line in warnings(about):
        console.print(f"[yellow]warning[/]  {line}")
