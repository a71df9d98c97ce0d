"""`gatekeeper retention run`: remove old personal references from the log."""

from __future__ import annotations

import json
import time
from pathlib import Path

import typer

from gatekeeper.audit import retention
from gatekeeper.cli.policy import load_policy
from gatekeeper.counting import counted
from gatekeeper.runtime.wiring import audit_writer


def run(config: Path, dry: bool, as_json: bool) -> None:
    """Remove what is too old, or say what would be; running gates close their segments for it."""
    policy = load_policy(config, require_secrets=False)
    folder, age = policy.audit_folder, policy.file.retention.personal_references
    if dry:
        done = retention.run(folder, age, None, now=time.time())
    else:
        writer = audit_writer(policy)
        try:
            done = retention.run(folder, age, writer, now=time.time())
        finally:
            writer.close()
    if as_json:
        typer.echo(json.dumps({"before": done.before, "lines": done.lines, "waiting": done.waiting}))
        return
    typer.echo(
        f"subjects {'would be ' if dry else ''}removed from {counted(done.lines, 'line')} older than {done.before}"
        + (f"; {done.waiting} more: a process did not close its segment yet" if done.waiting else "")
    )
