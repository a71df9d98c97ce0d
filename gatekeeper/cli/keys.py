"""`gatekeeper keys`: list and rotate."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from gatekeeper import keys
from gatekeeper.policy import load_policy


def show(config: Path, as_json: bool) -> None:
    """Every key's id, newest first."""
    ring = keys.load(load_policy(config, require_secrets=False).keys_folder)
    found = {keys.SIGNING: [key.id for key in ring.signing], keys.PSEUDONYM: [key.id for key in ring.pseudonym]}
    if as_json:
        typer.echo(json.dumps(found))
        return
    for kind, ids in found.items():
        for position, key_id in enumerate(ids):
            typer.echo(f"{kind:10} {key_id}{'  (in use)' if position == 0 else ''}")


def rotate(kind: str, config: Path) -> None:
    """Add a key of a kind and name it."""
    if kind not in (keys.SIGNING, keys.PSEUDONYM):
        raise typer.BadParameter("use signing or pseudonym")
    key = keys.rotate(load_policy(config, require_secrets=False).keys_folder, kind)
    typer.echo(f"added {key.id}; running processes use it after a restart")
