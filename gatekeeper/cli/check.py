"""`gatekeeper check` and `gatekeeper schema`."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from rich.console import Console

from gatekeeper.cli.policy import extensions, load_policy
from gatekeeper.counting import counted
from gatekeeper.policy.faults import parts
from gatekeeper.policy.file import json_schema
from gatekeeper.policy.findings import findings
from gatekeeper.policy.registry import registry
from gatekeeper.runtime.wiring import machine, place
from gatekeeper.storage.opening import findings as store_findings


def run(config: Path, as_json: bool) -> None:
    """Print errors and warnings; exit code 1 if there are errors."""
    errors, warned = findings(config, **extensions())
    if not errors:
        policy = load_policy(config)
        errors, costly = store_findings(place(policy))
        warned += costly
        here = machine(policy)
        errors += [] if here is None else here.faults()
    if as_json:
        found = {"errors": errors, "warnings": warned}
        typer.echo(
            json.dumps(
                {sort: [parts(line, config)._asdict() for line in said] for sort, said in found.items()}, indent=2
            )
        )
    else:
        console = Console(highlight=False, soft_wrap=True)
        for line in errors:
            console.print(f"[bold red]error[/]    {_plain(line)}")
        for line in warned:
            console.print(f"[yellow]warning[/]  {_plain(line)}")
        console.print(f"{config}: {counted(len(errors), 'error')}, {counted(len(warned), 'warning')}")
    raise typer.Exit(1 if errors else 0)


def print_schema() -> None:
    """Print the JSON Schema of the policy file."""
    typer.echo(json.dumps(json_schema(registry(**extensions()).kinds), indent=2))


def _plain(text: str) -> str:
    return text.replace("[", r"\[")
