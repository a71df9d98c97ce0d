"""`gatekeeper consent`: what the commands about visitors' choices take."""

from __future__ import annotations

from typing import Annotated

import typer

from gatekeeper.cli.options import POLICY, AsJson, Config

consent = typer.Typer(help="Show, record and withdraw visitors' choices in the ledger.", no_args_is_help=True)
ConsentId = Annotated[str | None, typer.Option("--consent-id", help="The id in our consent cookie, v_….")]
UserId = Annotated[str | None, typer.Option("--user-id", help="The user id that the app gives to gatekeeper.link.")]


@consent.command("show")
def consent_show(
    consent_id: ConsentId = None,
    user_id: UserId = None,
    config: Config = POLICY,
    form: Annotated[str, typer.Option("--format", help="text, json, or iso27560 (JSON-LD).")] = "text",
) -> None:
    """Show a visitor's consent history, the oldest choice first (exit code 3 if there is none)."""
    from gatekeeper.cli.consent import show

    show(config, consent_id, user_id, form)


@consent.command("record")
def consent_record(
    surface: Annotated[str, typer.Option(help="How the visitor chose: on paper or by phone.")],
    evidence: Annotated[
        str, typer.Option(help="A reference to the proof, such as the number of the form; can be erased.")
    ],
    consent_id: ConsentId = None,
    user_id: UserId = None,
    analytics: Annotated[
        bool | None, typer.Option("--analytics/--no-analytics", help="Whether the visitor consents to analytics.")
    ] = None,
    marketing: Annotated[
        bool | None, typer.Option("--marketing/--no-marketing", help="Whether the visitor consents to marketing.")
    ] = None,
    at: Annotated[str | None, typer.Option(help="When the visitor chose, such as 2026-11-24; now by default.")] = None,
    country: Annotated[str | None, typer.Option(help="Where the visitor was, such as DE or US-CA.")] = None,
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Record a choice that was made on paper or by telephone."""
    from datetime import UTC, datetime

    from gatekeeper.audit.query import moment
    from gatekeeper.cli.consent import record
    from gatekeeper.model import Purpose

    given = {Purpose.ANALYTICS: analytics, Purpose.MARKETING: marketing}
    says = {purpose: said for purpose, said in given.items() if said is not None}
    when = None if at is None else moment(at, datetime.now(UTC)).timestamp()
    record(config, consent_id, user_id, says, surface, evidence, when, country, as_json)


@consent.command("withdraw")
def consent_withdraw(
    consent_id: ConsentId = None,
    user_id: UserId = None,
    purpose: Annotated[str | None, typer.Option(help="analytics or marketing; both by default.")] = None,
    client_id: Annotated[str | None, typer.Option(help="Also cancel events queued under this client id.")] = None,
    session_id: Annotated[str | None, typer.Option(help="Also cancel events queued under this session id.")] = None,
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Withdraw a visitor's consent at once (exit code 4: recorded, but a worker did not answer in time)."""
    from gatekeeper.cli.consent import withdraw

    withdraw(config, consent_id, user_id, purpose, client_id, session_id, as_json)
