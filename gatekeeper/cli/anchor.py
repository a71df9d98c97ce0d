"""`gatekeeper audit anchor`: how far the log is, signed now and put outside."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from gatekeeper.audit import authority, chores
from gatekeeper.audit.signing import Signer
from gatekeeper.audit.stream import Stream
from gatekeeper.cli import exits
from gatekeeper.cli.policy import load_policy
from gatekeeper.errors import AuditError, ConfigError
from gatekeeper.policy import Policy
from gatekeeper.runtime.wiring import place
from gatekeeper.storage.opening import heads as heads_of


def run(config: Path, as_json: bool) -> None:
    """Put a checkpoint to every place that the policy names; exit code 1 if one of them does not take it."""
    policy = load_policy(config, require_secrets=False)
    where, stamps = policy.file.audit.anchor, authority.of_policy(policy)
    if where is None and stamps is None:
        raise ConfigError("audit.anchor: missing; name a place for checkpoints, or an authority in [audit.anchors]")
    exits.need_log(policy.audit_folder)
    line = _checkpoint(policy)
    done: dict[str, str] = {}
    wrong: dict[str, str] = {}
    if where is not None:
        try:
            chores.anchor(where, policy.folder, line)
            done["anchor"] = where
        except Exception as error:  # noqa: BLE001  # a file, a pipe or the network
            wrong["anchor"] = f"{where} did not accept it ({getattr(error, 'strerror', None) or type(error).__name__})"
    if stamps is not None:
        try:
            done["stamp"] = str(stamps.take(line, now=True) or "another process is doing it")
        except (AuditError, OSError) as error:
            wrong["stamp"] = str(error)
    if as_json:
        typer.echo(json.dumps({"done": done, "failed": wrong}))
    else:
        for what, said in done.items():
            typer.echo(f"{what}: {said}")
        for what, said in wrong.items():
            typer.echo(f"gatekeeper: {what}: {said}", err=True)
    if wrong:
        raise typer.Exit(exits.FAILED)


def _checkpoint(policy: Policy) -> bytes:
    """A signed line that names how far all streams are: the end of a stream that is begun for it. Raises AuditError."""
    heads = heads_of(place(policy))
    try:
        stream = Stream(policy.audit_folder, signer=Signer(policy.keys_folder), heads=heads)
        line = stream.close()
    except OSError as error:
        raise AuditError(f"{policy.audit_folder}: the audit log cannot be written ({error.strerror})") from None
    heads.keep([*stream.adopted, stream.head])
    if line is None:
        raise AuditError("another process signs the log; try again")
    return line
