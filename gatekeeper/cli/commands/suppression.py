"""`gatekeeper suppression`: what the commands about suppressed persons take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli.filters import Words, identified
from gatekeeper.cli.options import POLICY, AsJson, Config

suppression = typer.Typer(help="Suppress persons by an identifier: erased, opted out, objected.", no_args_is_help=True)
Reason = Annotated[str, typer.Option("--why", help="erased, opted_out (of sale) or objected (to marketing).")]
Purpose = Annotated[
    str | None, typer.Option(help="Only analytics or only marketing; by default both for erased, otherwise marketing.")
]
Until = Annotated[str | None, typer.Option(help="When it ends, such as 2027-11-30; never by default.")]


@suppression.command("add")
@identified
def suppression_add(
    why: Reason,
    purpose: Purpose = None,
    until: Until = None,
    config: Config = POLICY,
    as_json: AsJson = False,
    *,
    people: Words,
) -> None:
    """Deny a person by every identifier given, at once, and cancel what is queued (exit code 4: a worker is silent)."""
    from gatekeeper.cli.suppression import add

    add(config, people, why, purpose, until, as_json)


@suppression.command("list")
def suppression_list(
    why: Annotated[str | None, typer.Option(help="Only entries of this reason.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Largest number of entries.")] = 1_000,
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """List entries with their start, reason and end, without identifiers."""
    from gatekeeper.cli.suppression import show

    show(config, why, limit, as_json)


@suppression.command("remove")
@identified
def suppression_remove(
    why: Annotated[str | None, typer.Option(help="Only entries of this reason; all by default.")] = None,
    erasure: Annotated[
        str | None, typer.Option(help="All entries that were added together, by their sup_… or er_….")
    ] = None,
    config: Config = POLICY,
    as_json: AsJson = False,
    *,
    people: Words,
) -> None:
    """Delete a person's entries, by identifiers or by the id of a list (exit code 3 if there are none)."""
    from gatekeeper.cli.suppression import remove

    remove(config, people, why, erasure, as_json)


@suppression.command("import")
def suppression_import(
    path: Annotated[Path, typer.Argument(help="CSV with the columns type and value, or one value a line.")],
    kind: Annotated[
        str | None, typer.Option("--type", help="What the values of a file with one column are, such as email.")
    ] = None,
    why: Reason = "opted_out",
    purpose: Purpose = None,
    until: Until = None,
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Suppress all persons in a list: all of its rows, or none if one is not valid."""
    from gatekeeper.cli.suppression import import_list

    import_list(config, path, kind, why, purpose, until, as_json)
