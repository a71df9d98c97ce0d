"""`gatekeeper retention run`."""

from __future__ import annotations

import json
import time
from pathlib import Path

import typer

from gatekeeper.audit import redact
from gatekeeper.audit.lines import timestamp
from gatekeeper.policy import load_policy
from gatekeeper.runtime import audit_writer


def run(config: Path, dry: bool, as_json: bool) -> None:
    """Remove what is too old, or say what would be; lines in a segment that is still written to wait for its end."""
    policy = load_policy(config, require_secrets=False)
    folder, now = policy.audit_folder, time.time()
    before = now - policy.file.retention.personal_references
    limit = timestamp(before)
    wanted = redact.older_than(before)
    found = redact.find(folder, wanted, torn_before=before)
    removed = found.lines
    if not dry:
        if removed:
            writer = audit_writer(policy)
            removed = redact.remove(folder, wanted, writer, reason="retention", at=now, before=limit)
            writer.close()
        for path in found.torn:
            path.unlink(missing_ok=True)
    if as_json:
        typer.echo(json.dumps({"before": limit, "lines": removed, "waiting": found.waiting}))
        return
    typer.echo(
        f"{removed} lines older than {limit} {'would lose' if dry else 'lost'} their subjects"
        + (f"; {found.waiting} more wait until their segment is closed" if found.waiting else "")
    )
