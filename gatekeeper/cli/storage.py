"""`gatekeeper storage prepare` and `move`, `gatekeeper node list` and `node remove`."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gatekeeper.audit.lines import timestamp
from gatekeeper.cli import exits
from gatekeeper.cli.policy import load_policy
from gatekeeper.errors import ConfigError
from gatekeeper.runtime.wiring import place
from gatekeeper.storage import opening
from gatekeeper.storage.database import path_of
from gatekeeper.storage.protocols import Place


def prepare(config: Path, url: str | None, role: str | None, *, only_print: bool, as_json: bool) -> None:
    """Make the tables, or print what makes them."""
    where = place(load_policy(config, require_secrets=not only_print))
    if url is None and not only_print and not opening.elsewhere(where.url):
        opening.make_ready(where)
        file = path_of(where.url, where.folder)
        typer.echo(json.dumps({"before": None, "version": None}) if as_json else f"{file} is ready")
        return
    opening.need_driver()
    from gatekeeper.storage.postgres import schema

    if only_print:
        script = schema.script() + "".join(f"{statement};\n" for statement in (schema.grants(role) if role else ()))
        typer.echo(json.dumps({"sql": script}) if as_json else script, nl=as_json)
        return
    there = schema.prepare(url or where.url, role)
    if as_json:
        typer.echo(json.dumps({"before": there, "version": schema.VERSION}))
    elif there == schema.VERSION:
        typer.echo("the tables exist already")
    else:
        typer.echo(f"the tables are of version {schema.VERSION} now (they were of {there})")


def list_nodes(config: Path, as_json: bool) -> None:
    """Print the machines, the oldest first."""
    from gatekeeper.storage.postgres.machines import machines

    found = machines(_server(config).url)
    if as_json:
        typer.echo(json.dumps([one._asdict() | {"last": timestamp(one.last)} for one in found], indent=2))
        return
    table = Table(box=None)
    for title in (
        "log",
        "host",
        "version",
        "processes",
        "behind",
        "unwritten",
        "unarchived",
        "streams",
        "last line",
        "last seen",
        "",
    ):
        table.add_column(title, no_wrap=title == "log", overflow="fold")
    for one in found:
        table.add_row(
            one.log, escape(one.host), one.version, str(one.processes), str(one.behind), str(one.kept),
            str(one.kept_back), str(one.streams), one.last_line or "-", timestamp(one.last), one.gone or "",
        )  # fmt: skip
    Console(highlight=False, soft_wrap=True).print(table if found else "no gate has run with this database")


def remove_node(log: str, config: Path, *, destroyed: bool, as_json: bool) -> None:
    """Take a machine out."""
    from gatekeeper.storage.postgres.machines import remove

    if not remove(_server(config).url, log, destroyed=destroyed):
        exits.absent(f"there is no machine with the log {log}; `gatekeeper node list` shows all")
    if as_json:
        typer.echo(json.dumps({"log": log, "destroyed": destroyed}))
        return
    typer.echo(f"{log} is out" + ("; its log is no longer expected anywhere" if destroyed else ""))


def _server(config: Path) -> Place:
    where = place(load_policy(config, require_secrets=True))
    if not opening.elsewhere(where.url):
        instead = "postgresql://gatekeeper@db.internal/gatekeeper"
        raise ConfigError(
            f'storage.url: is a file of this machine, so there is one node; set a server, such as "{instead}"'
        )
    opening.need_driver()
    return where


def move(source: str, config: Path, as_json: bool) -> None:
    """Move a file into the policy's database."""
    where = _server(config)
    if opening.elsewhere(source) or not source.startswith("sqlite:///"):
        raise ConfigError(f'storage move: "{source}" is not a file of this machine; write sqlite:///var/gatekeeper.db')
    from gatekeeper.storage.postgres.moving import move
    from gatekeeper.storage.postgres.node import log_of

    counts = move(path_of(source, where.folder), where.url, log_of(where.here))
    if as_json:
        typer.echo(json.dumps(counts))
        return
    for table, count in counts.items():
        typer.echo(f"{count:>9,}  {table}")
    typer.echo("moved; the old file can no longer be opened: delete it when you are sure")
