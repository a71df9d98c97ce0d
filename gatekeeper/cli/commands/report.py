"""`gatekeeper report`: documents that follow from the policy, the product's tables and the log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli.options import POLICY, AsJson, Config

report = typer.Typer(help="Write documents from the policy. Not legal advice.", no_args_is_help=True)

Out = Annotated[Path | None, typer.Option("--out", "-o", help="File to write; its ending sets the format.")]
Form = Annotated[
    str | None,
    typer.Option("--format", help="md, html, csv, xlsx or json; by default that of the file's ending, otherwise md."),
]
Check = Annotated[
    bool, typer.Option("--check", help="List cells to fill and anything not declared (exit code 1 if there is any).")
]
Since = Annotated[str | None, typer.Option(help="Read the log from this time on: 2026-11-24 or 7d; 30d by default.")]
Until = Annotated[str | None, typer.Option(help="Read the log up to this time; now by default.")]
WithoutLog = Annotated[bool, typer.Option("--without-log", help="Do not read the log; its cells are marked to fill.")]


@report.command("matrix")
def report_matrix(
    config: Config = POLICY,
    on: Annotated[
        str | None, typer.Option("--on", help="Show the laws of this day, YYYY-MM-DD; today by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print for each law when an event may go to each destination under this policy."""
    from gatekeeper.cli.report import matrix

    matrix(config, on, as_json)


@report.command("ropa")
def report_ropa(
    config: Config = POLICY,
    out: Out = None,
    form: Form = None,
    check: Check = False,
    since: Since = None,
    until: Until = None,
    without_log: WithoutLog = False,
) -> None:
    """Write the record of processing (GDPR article 30), with what the log shows beside what is declared."""
    from gatekeeper.cli.documents import make

    make("ropa", config, out=out, form=form, check=check, since=since, until=until, without_log=without_log)


@report.command("transfers")
def report_transfers(
    config: Config = POLICY,
    out: Out = None,
    form: Form = None,
    check: Check = False,
    since: Since = None,
    until: Until = None,
    without_log: WithoutLog = False,
) -> None:
    """Write the list of transfers out of the EEA (GDPR chapter V)."""
    from gatekeeper.cli.documents import make

    make("transfers", config, out=out, form=form, check=check, since=since, until=until, without_log=without_log)


@report.command("dpa")
def report_dpa(config: Config = POLICY, out: Out = None, form: Form = None, check: Check = False) -> None:
    """Write the checklist of contracts with recipients (GDPR article 28)."""
    from gatekeeper.cli.documents import make

    make("dpa", config, out=out, form=form, check=check)


@report.command("lia")
def report_lia(config: Config = POLICY, out: Out = None, form: Form = None, check: Check = False) -> None:
    """Write the legitimate interest assessments (GDPR article 6(1)(f)), prefilled."""
    from gatekeeper.cli.documents import make

    make("lia", config, out=out, form=form, check=check)


@report.command("privacy-notice")
def report_privacy_notice(
    config: Config = POLICY,
    out: Out = None,
    form: Form = None,
    check: Check = False,
    language: Annotated[str, typer.Option(help="en, de, fr, es, it, nl, pl, pt, sv, nb or ar.")] = "en",
    plain: Annotated[bool, typer.Option("--plain", help="Leave out the origins, for the published page.")] = False,
) -> None:
    """Write the privacy notice (GDPR articles 13 and 14); its version is the hash of its words."""
    from gatekeeper.cli.documents import make

    make("privacy-notice", config, out=out, form=form, check=check, language=language, plain=plain)
