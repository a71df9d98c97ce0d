"""`gatekeeper subject show` and `export`: where a person is, and their copy of it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gatekeeper.cli import exits, known
from gatekeeper.cli.office import given, opened
from gatekeeper.errors import unwritable
from gatekeeper.policy import Policy
from gatekeeper.rights.copy import FORMATS, summary
from gatekeeper.rights.search import Found


def show(config: Path, people: dict[str, str | None], link: Sequence[str], as_json: bool) -> None:
    """Print where a person is (exit code 3 if nowhere), and which linked identifiers there are to tick."""
    with opened(config) as office:
        found = office.search(given(people), link, action="subjects/show")
        policy = office.policy
    if as_json:
        typer.echo(json.dumps(summary(found, policy)))
    else:
        _print(found, policy)
    if found.empty:
        exits.absent("no store and no line of the log names this person")


def export(config: Path, people: dict[str, str | None], link: Sequence[str], form: str, out: Path | None) -> None:
    """Write a person's copy to a file, or to standard output."""
    known.one_of("--format", form, FORMATS)
    with opened(config) as office:
        data = office.export(given(people), form, link)
    if out is None:
        sys.stdout.buffer.write(data)
        return
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise unwritable(out, error) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    typer.echo(f"{out}: {len(data)} bytes; it is about one person: hand it to them alone, and delete it", err=True)


def _print(found: Found, policy: Policy) -> None:
    console = Console(highlight=False, width=200)
    told = summary(found, policy)
    stores = Table("store", "rows", box=None)
    for name, count in told["stores"].items():
        stores.add_row(name, str(count))
    console.print(stores)
    if told["destinations"]:
        table = Table("destination", "recipient", "events", "delivered", "first", "last", "fields", box=None)
        for one in told["destinations"]:
            table.add_row(
                one["destination"], escape(one["company"] or one["name"]), str(one["events"]), str(one["delivered"]),
                one["first"] or "-", one["last"] or "-", escape(" ".join(one["fields"])),
            )  # fmt: skip
        console.print(table)
    if told["linked"]:
        console.print("\nIn the same rows, and not followed: tick what is the same person's with --link ID.")
        table = Table("id", "lines", "also used without them", box=None)
        for one in told["linked"]:
            table.add_row(one["id"], str(one["lines"]), "yes: perhaps a shared device" if one["shared"] else "no")
        console.print(table)
