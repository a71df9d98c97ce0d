"""`gatekeeper report`: documents that follow from the policy."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.table import Table

from gatekeeper.cli.console import console as open_console
from gatekeeper.cli.policy import load_policy
from gatekeeper.model import ConsentModel, Law, Purpose, SignalDuty
from gatekeeper.policy import Policy
from gatekeeper.vendors.kind import Destination

NEEDS = {
    ConsentModel.OPT_IN: "with consent",
    ConsentModel.OPT_OUT: "unless opted out",
    ConsentModel.NONE: "unless refused",
}


def matrix(config: Path, on: str | None, as_json: bool) -> None:
    """Law by destination: when an event may be sent there."""
    policy = load_policy(config, require_secrets=False)
    at = _time(on)
    rows = {law.id: {to.name: _cell(policy, law, to, at) for to in policy.destinations.values()}
            for law in _laws(policy, at)}  # fmt: skip
    if as_json:
        typer.echo(json.dumps({"on": datetime.fromtimestamp(at, UTC).date().isoformat(), "laws": rows}, indent=2))
        return
    table = Table("law", *policy.destinations, title=f"on {datetime.fromtimestamp(at, UTC):%Y-%m-%d}")
    for law_id, cells in rows.items():
        table.add_row(law_id, *cells.values())
    open_console().print(table)
    always = ", ".join(policy.file.jurisdiction.always) or "no law"
    open_console().print(f"{always} applies to every visitor. Not legal advice; sources: docs/jurisdictions.md")


def _laws(policy: Policy, at: float) -> list[Law]:
    found = {law.id: law for laws in policy.laws.on(at).values() for law in laws}
    found[policy.laws.strictest.id] = policy.laws.strictest
    return [found[law_id] for law_id in policy.laws.ids if law_id in found]


def _cell(policy: Policy, law: Law, to: Destination, at: float) -> str:
    if to.purpose is Purpose.NECESSARY:
        return "always"
    laws = (law, *(policy.laws.law(law_id, at) for law_id in policy.file.jurisdiction.always))
    asked = [law.analytics if to.purpose is Purpose.ANALYTICS else law.marketing for law in laws]
    model = next(model for model in NEEDS if model in asked)  # the strictest
    cell = NEEDS[model]
    required = any(one.opt_out_signal is SignalDuty.REQUIRED for one in laws)
    if to.purpose is Purpose.MARKETING and (policy.file.consent.gpc == "everywhere" or required):
        contextual = to.on_opt_out == "contextual" and model is not ConsentModel.OPT_IN
        cell += "; GPC: contextual" if contextual else "; GPC blocks"
    if to.regions is not None:
        cell += f"; only in {', '.join(sorted(to.regions))}"
    return cell


def _time(on: str | None) -> float:
    if on is None:
        return time.time()
    try:
        return datetime.strptime(on, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise typer.BadParameter(f'"{on}" is not a day; write it as 2027-01-01') from None
