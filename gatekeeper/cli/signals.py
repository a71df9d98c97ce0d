"""`gatekeeper signals`: is this site's consent platform understood?"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gatekeeper.audit.lines import consent_state, timestamp
from gatekeeper.cli.explain import as_headers, bystander
from gatekeeper.gate import Caller
from gatekeeper.policy import load_policy
from gatekeeper.policy.load import parse_policy

NOTHING = {"policy": {"version": "none", "controller": "none"}}


def run(cookies: list[str], headers: list[str], query: str, config: Path, as_json: bool) -> None:
    """Print every signal, and what they add up to where the strictest law applies.

    Without a policy file the defaults of every platform are used.
    """
    policy = load_policy(config, require_secrets=False) if config.exists() else parse_policy(NOTHING)
    gate = bystander(policy)
    caller = Caller(headers=as_headers(cookies, headers), query=query.lstrip("?").encode())
    consent = gate.consent_of(caller, time.time())
    found: list[dict[str, Any]] = [
        {
            "source": signal.source,
            "role": signal.role,
            "standing": signal.standing,
            "says": {purpose.value: word for purpose, word in signal.says.items()},
            "given_at": None if signal.at is None else timestamp(signal.at),
            "evidence": signal.evidence,
            "note": signal.note,
        }
        for signal in consent.signals
    ]
    state = consent_state(consent)
    if as_json:
        typer.echo(json.dumps({"signals": found, "consent_state": state}, indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False)
    if not found:
        console.print("No consent signal was found in it. The platforms that are read: docs/signals.md")
    table = Table("source", "role", "standing", "says", "given at", "note", box=None, padding=(0, 2, 0, 0))
    for row in found:
        said = ", ".join(f"{purpose} {word}" for purpose, word in row["says"].items()) or "nothing"
        cells = (row["source"], row["role"], row["standing"], said, row["given_at"] or "undated", row["note"])
        table.add_row(*map(escape, cells))
    if found:
        console.print(table)
    console.print("consent: " + ", ".join(f"{purpose} {'yes' if on else 'no'}" for purpose, on in state.items()))
