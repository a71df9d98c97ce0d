"""`gatekeeper signals`: is this site's consent platform understood?"""

from __future__ import annotations

import json
import time
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gatekeeper.audit.lines import consent_state, timestamp
from gatekeeper.cli.explain import as_headers, bystander
from gatekeeper.cli.policy import extensions, load_policy
from gatekeeper.jurisdiction.codes import country_code, region_code
from gatekeeper.jurisdiction.place import locate
from gatekeeper.model import OPTIONAL, Place
from gatekeeper.policy import Policy
from gatekeeper.policy.load import parse_policy

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
) -> None:
    """Print every signal, and what they add up to in a place, under one law, or where the strictest law applies.

    Without a policy file the defaults of every platform are used.
    """
    policy = load_policy(config, require_secrets=False) if config.exists() else parse_policy(NOTHING, **extensions())
    gate = bystander(policy)
    at = time.time()
    place = place_named(policy, country, law, at)
    heard = policy.readers.read(as_headers(cookies, headers), query=query.lstrip("?").encode(), verify=gate.keys.verify)
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
    console = Console(highlight=False)
    if not found:
        console.print("No consent signal was found in it. The platforms that are read: docs/signals.md")
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


def place_named(policy: Policy, country: str | None, law: str | None, at: float) -> Place:
    """The place that `--country` and `--law` name; without either, an unknown one."""
    if law is not None and country is not None:
        raise typer.BadParameter("--law is for one law alone; leave out --country")
    if law is not None:
        if law not in policy.laws.ids:
            near = get_close_matches(law.lower(), policy.laws.ids, 1)
            hint = f"did you mean {near[0]}?" if near else "docs/jurisdictions.md lists the ids"
            raise typer.BadParameter(f"--law: {law!r} is not a law of the table; {hint}")
        return Place(None, None, "caller", (policy.laws.law(law, at),))
    code, _, region = (country or "").upper().partition("-")
    if country is not None and country_code(code) is None:
        raise typer.BadParameter(f"--country: {country!r} is not a country; write DE, or US-CA with the region")
    if region and region_code(region, country_code(code) or "") is None:
        raise typer.BadParameter(f"--country: {country!r} does not end in a region; write US-CA, for example")
    return locate(
        address=None,
        how="caller",
        lookup=lambda _address: None,
        table=policy.laws,
        at=at,
        always=tuple(policy.file.jurisdiction.always),
        declared=(code, region or None) if country else None,
    )
