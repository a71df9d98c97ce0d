"""`gatekeeper retention run` and `show`: what is kept for how long, and the end of it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from gatekeeper.audit import retention
from gatekeeper.cli.policy import load_policy
from gatekeeper.counting import counted
from gatekeeper.rights import keeping
from gatekeeper.rights.keeping import REFERENCES, Kept
from gatekeeper.runtime.wiring import audit_writer, machine, needs
from gatekeeper.storage.opening import open_store


def run(config: Path, dry: bool, as_json: bool) -> None:
    """Remove what is too old, or say what would be; running gates close their segments for it."""
    policy = load_policy(config, require_secrets=False)
    folder, age, now = policy.audit_folder, policy.file.retention.personal_references, time.time()
    writer = audit_writer(policy)
    store, here = open_store(needs(policy, writer)), machine(policy)
    try:
        done = retention.run(folder, age, None if dry else writer, now=now)
        kept = keeping.run(policy, store, None if dry else writer, now=now, machine=here)
        kept = [
            one._replace(removed=done.lines, overdue=done.waiting) if one.name == REFERENCES else one for one in kept
        ]
        if not dry:
            others = {one.name: one.overdue for one in kept if one.overdue and one.name != REFERENCES}
            retention.keep(folder, retention.read(folder)._replace(others=others))
    finally:
        store.close()
        writer.close()
    if as_json:
        told = {"before": done.before, "lines": done.lines, "waiting": done.waiting, "rows": _rows(kept)}
        typer.echo(json.dumps(told))
        return
    _print(kept, "would go" if dry else "removed")
    typer.echo(
        f"subjects {'would be ' if dry else ''}removed from {counted(done.lines, 'line')} older than {done.before}"
        + (f"; {done.waiting} more: a process did not close its segment yet" if done.waiting else "")
    )


def show(config: Path, as_json: bool) -> None:
    """Print what is kept for how long, and what is overdue."""
    policy = load_policy(config, require_secrets=False)
    state = retention.read(policy.audit_folder)
    late = {REFERENCES: state.overdue} | dict(state.others)
    kept = [one._replace(overdue=late.get(one.name, 0)) for one in keeping.table(policy)]
    if as_json:
        typer.echo(json.dumps({"rows": _rows(kept), "done": state.done or None}))
        return
    _print(kept, None)


def _rows(kept: Sequence[Kept]) -> list[dict[str, Any]]:
    return [one._asdict() for one in kept]


def _print(kept: Sequence[Kept], removed: str | None) -> None:
    table = Table(box=None)
    for title in ("data", "key", "kept", *([removed] if removed else []), "overdue", "how"):
        table.add_column(title, overflow="fold")
    for one in kept:
        gone = [str(one.removed)] if removed else []
        table.add_row(one.name, one.key, keeping.words(one.age), *gone, str(one.overdue), one.how)
    Console(highlight=False, width=200).print(table)
