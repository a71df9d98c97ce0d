"""`gatekeeper subject`: what the commands about one person take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli.filters import Words, identified
from gatekeeper.cli.options import POLICY, AsJson, Config

subject = typer.Typer(help="Show, export and erase the data of one person.", no_args_is_help=True)
Link = Annotated[
    list[str] | None,
    typer.Option("--link", help="A linked identifier that is the person's, by its l_…; may be repeated."),
]


@subject.command("show")
@identified
def subject_show(link: Link = None, config: Config = POLICY, as_json: AsJson = False, *, people: Words) -> None:
    """Find a person by any identifier: stores, recipients and linked identifiers (exit code 3: nowhere)."""
    from gatekeeper.cli.subject import show

    show(config, people, link or [], as_json)


@subject.command("export")
@identified
def subject_export(
    link: Link = None,
    form: Annotated[str, typer.Option("--format", help="json, csv (the events), or html: a page to read.")] = "html",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; standard output by default.")] = None,
    config: Config = POLICY,
    *,
    people: Words,
) -> None:
    """Write a person's copy of their data (GDPR article 15)."""
    from gatekeeper.cli.subject import export

    export(config, people, link or [], form, out)


@subject.command("erase")
@identified
def subject_erase(
    link: Link = None,
    law: Annotated[
        str | None, typer.Option(help="The law that applies; by default the strictest of the person's lines.")
    ] = None,
    verified_by: Annotated[
        str | None, typer.Option(help="How it is known that the request is the person's own, such as login.")
    ] = None,
    received: Annotated[str | None, typer.Option(help="Day on which the request arrived; today by default.")] = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="Only show what would be erased.")] = False,
    config: Config = POLICY,
    as_json: AsJson = False,
    *,
    people: Words,
) -> None:
    """Enter a request for erasure: search every store, offer linked identifiers, and calculate the term."""
    from gatekeeper.cli.erasure import request

    request(config, people, link or [], law, verified_by, received, dry, as_json)
