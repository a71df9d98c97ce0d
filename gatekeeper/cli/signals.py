"""`gatekeeper signals`: is this site's consent platform understood?"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from gatekeeper.audit.lines import consent_state, timestamp
from gatekeeper.cli.console import console as open_console
from gatekeeper.cli.explain import as_headers, as_query, place_named
from gatekeeper.cli.policy import extensions, load_policy
from gatekeeper.model import OPTIONAL
from gatekeeper.policy.load import parse_policy
from gatekeeper.reports.explained import bystander

_RULES = {f"consent for {purpose}" for purpose in OPTIONAL}
NOTHING = {"policy": {"version": "none", "controller": "none"}}


def run(
    cookies: list[str],
    headers: list[str],
    query: str,
    config: Path,
    as_json: bool,
    *,
    country: str | None = None,
    law: str | None = None,
    gpc: bool = False,
) -> None:
    """Print every signal, and what they add up to in a place, under one law, or where the strictest law applies.

    Without a policy file the defaults of every platform are used.
    """
    policy = load_policy(config, require_secrets=False) if config.exists() else parse_policy(NOTHING, **extensions())
    gate = bystander(policy)
    at = time.time()
    place = place_named(policy, country, law, at)
    heard = policy.readers.read(as_headers(cookies, headers, gpc=gpc), query=as_query(query), verify=gate.keys.verify)
    consent = gate.situations.resolve(heard, place, at, at, None)
    found: list[dict[str, Any]] = [
        {
            "source": signal.source,
            "role": signal.role,
            "standing": signal.standing,
            "says": {purpose.value: word for purpose, word in signal.says.items()},
            "refuses": list(signal.refuses),
            "given_at": None if signal.at is None else timestamp(signal.at),
            "evidence": signal.evidence,
            "note": signal.note,
        }
        for signal in consent.signals
    ]
    state = consent_state(consent)
    laws = [row.id for row in place.laws]
    why = {step.rule.removeprefix("consent for "): step.why for step in consent.steps if step.rule in _RULES}
    if as_json:
        jurisdiction = {"country": place.country, "region": place.region, "laws": laws}
        shown = {"signals": found, "jurisdiction": jurisdiction, "consent_state": state, "why": why}
        typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    console = open_console()
    if not found:
        console.print("No consent signal was found. The platforms that are read: docs/signals.md")
    table = Table("source", "role", "standing", "says", "given at", "note", box=None, padding=(0, 2, 0, 0))
    for row in found:
        said = [f"{purpose} {word}" for purpose, word in row["says"].items()]
        said += [f"{name} refused" for name in row["refuses"]]
        cells = (row["source"], row["role"], row["standing"], ", ".join(said) or "nothing")
        table.add_row(*map(escape, (*cells, row["given_at"] or "undated", row["note"])))
    if found:
        console.print(table)
    where = country or law or "in an unknown place; name one with --country"
    console.print(escape(f"under {', '.join(laws)} ({where})"))
    console.print("consent: " + ", ".join(f"{purpose} {'yes' if on else 'no'}" for purpose, on in state.items()))
    for purpose, words in why.items():
        console.print(escape(f"  {purpose}: {words}"))
