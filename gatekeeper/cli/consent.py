"""`gatekeeper consent show`, `record` and `withdraw`. They may run while the gate does."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gatekeeper.audit.lines import CHOSEN, timestamp
from gatekeeper.audit.segments import usable
from gatekeeper.cli.policy import load_policy
from gatekeeper.counting import counted
from gatekeeper.errors import ConfigError
from gatekeeper.gate.choosing import Choosing, planned
from gatekeeper.installation import ids, keys
from gatekeeper.jurisdiction.place import locate
from gatekeeper.model import OPTIONAL, Heard, Place, Purpose, Recorded
from gatekeeper.model.choice import Method, Row, Scope, Subject, Surface
from gatekeeper.policy import Policy
from gatekeeper.rights.receipt import Facts, Recipient, controller, iso27560, plain
from gatekeeper.runtime.wiring import audit_writer, needs, place, place_lookup
from gatekeeper.storage.opening import exists, open_store

FORMATS: Final = ("text", "json", "iso27560")
NOT_HEARD: Final = 4  # exit code: recorded, but a request may still begin


def show(config: Path, device: str | None, account: str | None, form: str) -> None:
    """Print a person's rows, the oldest first; exit code 3 if there are none."""
    if form not in FORMATS:
        raise ConfigError(f'--format: "{form}" is not a format; use one of {", ".join(FORMATS)}')
    with _opened(config) as (policy, choosing):
        subjects = _subjects(choosing, device, account)
        facts = _facts(policy) if form == "iso27560" else None
        rows = choosing.history(subjects)
        notices = {one: choosing.ledger.notice(one) for one in {row.choice.notice for row in rows} if one}
    if not rows:
        typer.echo("gatekeeper: the ledger has no choice of this visitor", err=True)
        raise typer.Exit(3)
    if form == "text":
        Console(highlight=False, width=240).print(_table(rows))
        return
    records = [
        plain(row, notices.get(row.choice.notice or ""))
        if facts is None
        else iso27560(row, notices.get(row.choice.notice or ""), facts)
        for row in rows
    ]
    typer.echo(json.dumps(records, indent=2, ensure_ascii=False))


def record(
    config: Path,
    device: str | None,
    account: str | None,
    says: Mapping[Purpose, bool],
    surface: str,
    evidence: str,
    at: float | None,
    country: str | None,
    as_json: bool,
) -> None:
    """Write a choice that was made on paper or by telephone, with what shows it."""
    if not says:
        raise ConfigError("--analytics, --marketing: give at least one, as yes or no")
    if surface not in (Surface.PAPER, Surface.PHONE):
        raise ConfigError(f'--surface: "{surface}" is not paper or phone')
    if not evidence.strip():
        raise ConfigError("--evidence: is empty; say where the form or the call's record is")
    _choose(config, device, account, says, Method.API, Surface(surface), evidence, at, country, (), as_json)


def withdraw(
    config: Path,
    device: str | None,
    account: str | None,
    purpose: str | None,
    client: str | None,
    session: str | None,
    as_json: bool,
) -> None:
    """Withdraw consent at once; exit code 4 if a process that is about to send did not answer."""
    known = [one.value for one in OPTIONAL]
    if purpose is not None and purpose not in known:
        raise ConfigError(f'--purpose: "{purpose}" cannot be withdrawn; use one of {", ".join(known)}')
    says = {one: False for one in OPTIONAL if purpose in (None, one.value)}
    hints = (client, session)
    _choose(config, device, account, says, Method.WITHDRAW, Surface.APP, None, None, None, hints, as_json)


def _choose(
    config: Path,
    device: str | None,
    account: str | None,
    says: Mapping[Purpose, bool],
    method: Method,
    surface: Surface,
    evidence: str | None,
    at: float | None,
    country: str | None,
    hints: tuple[str | None, ...],
    as_json: bool,
) -> None:
    with _opened(config) as (policy, choosing):
        now = time.time()
        client, session = hints or (None, None)
        choice = planned(
            says,
            _subjects(choosing, device, account),
            _place(policy, country, now),
            receipt=ids.receipt_id(now),
            at=now if at is None else at,
            now=now,
            method=method,
            surface=surface,
            policy=policy.hash,
            scope=Scope.DEVICE if account is None else Scope.ACCOUNT,
            trusted=True,
            evidence=evidence,
            hints=choosing.hints(client_id=client, session_id=session),
        )
        recorded = choosing.record(choice).result()
    _tell(recorded, as_json)


def _tell(recorded: Recorded, as_json: bool) -> None:
    told = {"receipt": recorded.receipt, "row": recorded.row, "cancelled": recorded.cancelled, "heard": recorded.heard}
    typer.echo(
        json.dumps(told) if as_json else f"{recorded.receipt}  ({counted(recorded.cancelled, 'queued delivery')} ended)"
    )
    if recorded.heard is Heard.NOT_YET:
        typer.echo("gatekeeper: recorded, but a worker did not answer: a request may still begin", err=True)
        raise typer.Exit(NOT_HEARD)


@contextmanager
def _opened(config: Path) -> Iterator[tuple[Policy, Choosing]]:
    policy = load_policy(config, require_secrets=False)
    if not exists(place(policy)):
        raise ConfigError(f"storage.url: there is no {policy.database_file}; no gate has run here yet")
    usable(policy.audit_folder)
    ring = keys.load(policy.keys_folder, create=False)
    writer = audit_writer(policy)
    store = open_store(needs(policy, writer))
    try:
        yield policy, Choosing(policy, ring, store.ledger)
    finally:
        store.close()
        writer.close()


def _subjects(choosing: Choosing, device: str | None, account: str | None) -> tuple[Subject, ...]:
    if not device and not account:
        raise ConfigError("--consent-id, --user-id: give one of them to name the visitor")
    return choosing.subjects(device=device, account=account)


def _place(policy: Policy, country: str | None, at: float) -> Place:
    declared = None
    if country is not None:
        code, _, region = country.partition("-")
        declared = (code.upper(), region.upper() or None)
    return locate(
        address=None,
        how="caller",
        lookup=place_lookup(policy),
        table=policy.laws,
        at=at,
        always=tuple(policy.file.jurisdiction.always),
        default=policy.file.jurisdiction.default,
        declared=declared,
        residence=None,
        suspicious=None,
    )


def _facts(policy: Policy) -> Facts:
    file = policy.file
    recipients = {
        purpose: tuple(
            Recipient(name, to.kind.name, tuple(sorted(map(str, to.fields))))
            for name, to in policy.destinations.items()
            if to.purpose is purpose
        )
        for purpose in OPTIONAL
    }
    who = controller(file.policy.controller, file.controller.model_dump())
    return Facts(who, recipients, file.consent.max_age, file.retention.consent, f"{policy.prefix}/consent")


def _table(rows: list[Row]) -> Table:
    table = Table(box=None)
    for title in ("receipt", "at", *(one.value for one in OPTIONAL), "method", "surface", "law", "notice"):
        table.add_column(title, overflow="fold")
    for row in rows:
        choice = row.choice
        words = [CHOSEN[choice.says.get(one)] or "-" for one in OPTIONAL]
        table.add_row(
            choice.receipt, timestamp(choice.at), *words, choice.method.value, choice.surface.value,
            escape(" ".join(choice.laws)), escape(choice.notice or "-"),
        )  # fmt: skip
    return table
