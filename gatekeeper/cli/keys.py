"""`gatekeeper keys`: list and rotate."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

import typer

from gatekeeper.audit.chores import anchor
from gatekeeper.audit.signing import Signer, SigningKey
from gatekeeper.audit.stream import Stream
from gatekeeper.cli import exits, known
from gatekeeper.cli.policy import load_policy
from gatekeeper.errors import AuditError, ConfigError
from gatekeeper.installation import keys
from gatekeeper.installation.ring import Key
from gatekeeper.policy import Policy
from gatekeeper.runtime.wiring import place
from gatekeeper.storage.opening import heads as heads_of

# What a gate does with the key in use, and with the others.
_USES: Final = {
    keys.SIGNING: ("signs cookies and contexts", "verifies"),
    keys.PSEUDONYM: ("names subjects", "finds them by their older names"),
    keys.SUPPRESSION: ("suppresses people", "finds those that it suppressed"),
    keys.SEALING: ("seals identifiers of requests", "opens what it sealed"),
    keys.AUDIT: ("signs the log", "waits for the next checkpoint, which introduces it"),
}


def show(config: Path, as_json: bool) -> None:
    """Every key's id, newest first; of the audit log's, the id that stands in the log."""
    folder = load_policy(config, require_secrets=False).keys_folder
    there, given = keys.listed(folder), keys.from_environment(os.environ)
    if not any(there.values()):
        exits.absent(f"there are no keys in {folder}; the first gate that starts here makes them")
    rows = {kind: _rows(kind, found, kind in given) for kind, found in there.items()}
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for kind, found in rows.items():
        for row in found:
            where = f"  from GATEKEEPER_{kind.upper()}_KEYS" if row["from"] == "environment" else ""
            typer.echo(f"{kind:11} {row['id']}  {row['use']}{where}")


def _rows(kind: str, found: tuple[Key, ...], given: bool) -> list[dict[str, object]]:
    """What a gate that starts here uses each key for; the log's next key waits until the one in use introduces it."""
    audit = kind == keys.AUDIT
    current = found[-1 if audit and not given else 0] if found else None
    used, otherwise = _USES[kind]
    if audit and given:
        otherwise = "recognises what it signed"
    return [
        {
            "id": SigningKey(key).id if audit else key.id,
            "in_use": key is current,
            "use": used if key is current else otherwise,
            "from": "environment" if given else "folder",
        }
        for key in found
    ]


def rotate(kind: str, config: Path, as_json: bool) -> None:
    """Add a key of a kind and name it."""
    known.one_of("KIND", kind, (*keys.RINGS, keys.AUDIT))
    policy = load_policy(config, require_secrets=False)
    if kind == keys.AUDIT:
        _succeed(policy, as_json)
        return
    key = keys.rotate(policy.keys_folder, kind)
    if as_json:
        typer.echo(json.dumps({"kind": kind, "added": key.id}))
        return
    typer.echo(f"added {key.id}; running processes use it within a second or two")


def _succeed(policy: Policy, as_json: bool) -> None:
    """The log's key: the old one introduces the new one in the log, and is destroyed."""
    if keys.AUDIT in keys.from_environment(os.environ):
        raise ConfigError("GATEKEEPER_AUDIT_KEYS: the key is not in the key folder, so it cannot be rotated there")
    signer = Signer(policy.keys_folder)
    old = signer.keys()[-1]
    heads = heads_of(place(policy))
    keys.rotate(policy.keys_folder, keys.AUDIT)
    try:
        stream = Stream(policy.audit_folder, signer=signer, heads=heads)
        line = stream.close()
    except OSError as error:
        raise AuditError(f"{policy.audit_folder}: the audit log cannot be written ({error.strerror})") from None
    done = line is not None
    heads.keep([*stream.adopted, stream.head])
    where = policy.file.audit.anchor
    if where is not None and line is not None:
        try:
            anchor(where, policy.folder, line)
        except Exception as error:  # noqa: BLE001  # a file, a pipe or the network: the key is rotated all the same
            typer.echo(f"the line could not be put to {where} ({type(error).__name__})", err=True)
    new = signer.keys()[-1]
    if as_json:
        typer.echo(json.dumps({"kind": keys.AUDIT, "added": new.id, "destroyed": old.id if done else None}))
    elif done:
        typer.echo(f"{new.id} signs the log now; {old.id} introduced it and is destroyed")
    else:
        typer.echo(f"added {new.id}; the next checkpoint introduces it and destroys {old.id}")
