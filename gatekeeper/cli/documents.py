"""`gatekeeper report ropa`, `dpa`, `lia`, `privacy-notice` and `transfers`: documents with the origin of every cell."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer

from gatekeeper.cli import known
from gatekeeper.cli.policy import load_policy
from gatekeeper.errors import unwritable
from gatekeeper.reports.cells import Document
from gatekeeper.reports.formats import FORMATS
from gatekeeper.reports.made import OBSERVED, made
from gatekeeper.reports.notice import LANGUAGES
from gatekeeper.reports.observed import observe
from gatekeeper.runtime.wiring import machine

_MOST = 50  # findings that are printed
_PERIOD = timedelta(days=30)


def make(
    report: str,
    config: Path,
    *,
    out: Path | None,
    form: str | None,
    check: bool,
    since: str | None = None,
    until: str | None = None,
    without_log: bool = False,
    language: str = "en",
    plain: bool = False,
) -> None:
    """Make one document, write or print it; with `check` say what is to fill or differs (exit code 1)."""
    form = _form(out, form)
    known.one_of("--language", language, LANGUAGES)
    now = datetime.now(UTC).replace(tzinfo=None)
    begins = known.moment("since", since, now) or now - _PERIOD
    ends = known.moment("until", until, now) or now
    if begins >= ends:
        raise typer.BadParameter(f"--since: {begins:%Y-%m-%d %H:%M} is not before --until, {ends:%Y-%m-%d %H:%M}")
    policy = load_policy(config, require_secrets=False)
    observed = report in OBSERVED and not without_log
    here = machine(policy) if observed else None
    with nullcontext(()) if here is None else here.folders() as others:
        observation = observe(policy.audit_folder, begins, ends, others) if observed else None
    document = replace(made(report, policy, observation, now, language), origins=not plain)
    text = FORMATS[form](document)
    if out is not None:
        try:
            out.write_bytes(text)
        except OSError as error:
            raise typer.BadParameter(f"--out: {unwritable(out, error)}") from None
    elif not check:
        sys.stdout.buffer.write(text)
    if check and _tell(document):
        raise typer.Exit(1)


def _form(out: Path | None, form: str | None) -> str:
    if form is None:
        form = "md" if out is None else out.suffix.removeprefix(".").lower()
        if form not in FORMATS:
            raise typer.BadParameter(
                f'--out: "{out}" has no known ending; end it in {", ".join(f".{one}" for one in FORMATS)}, '
                "or give --format"
            )
    known.one_of("--format", form, tuple(FORMATS))
    if form == "xlsx" and out is None:
        raise typer.BadParameter("--format: a spreadsheet cannot be printed; name a file with --out")
    return form


def _tell(document: Document) -> bool:
    """Print what is to do, on the error stream; whether there was anything."""
    findings = document.findings
    for one in findings[:_MOST]:
        said = one.cell.of if one.cell.state.value == "to fill" else one.cell.text
        typer.echo(f"{one.cell.state}: {one.sheet}, {one.row}, {one.column}: {said}", err=True)
    if len(findings) > _MOST:
        typer.echo(f"and {len(findings) - _MOST} more", err=True)
    return bool(findings)
