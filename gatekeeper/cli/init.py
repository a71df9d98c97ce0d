"""`gatekeeper init`: a commented policy to start from, and what systemd needs to run the sidecar by it."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Final

import typer

from gatekeeper.errors import ConfigError, unwritable

STATE: Final = "/var/lib/gatekeeper"
"""What `StateDirectory=gatekeeper` of the unit makes: the one folder in which the service may write."""


def run(path: Path, force: bool, as_json: bool, system: bool = False) -> None:
    """Write the policy, and for a service its unit and the file of its secrets; refuse to overwrite."""
    text = _packaged("policy", "template.toml").replace("{{today}}", datetime.now(UTC).date().isoformat())
    files = service(path.absolute(), text) if system else {path: text}
    there = [str(one) for one in files if one.exists()]
    if there and not force:
        raise ConfigError(f"{', '.join(there)}: exists already; choose another path or use --force")
    if system:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
    for one, content in files.items():
        secret = one.suffix == ".env"
        if not (secret and one.exists()):  # with --force, too: what was put in is kept
            _write(one, content, secret=secret)
    if as_json:
        typer.echo(json.dumps({"file": str(path)} | ({"files": [str(one) for one in files]} if system else {})))
    elif system:
        unit, secrets = path.absolute().with_suffix(".service"), path.absolute().with_suffix(".env")
        typer.echo(
            f"wrote {', '.join(map(str, files))}\n"
            f"put the secrets into {secrets}, and your own ids into {path}; then, as root:\n"
            f"  systemctl enable --now {unit}"
        )
    else:
        typer.echo(f"wrote {path}; set the environment variables it names, then run: gatekeeper check --config {path}")


def service(policy: Path, text: str) -> Mapping[Path, str]:
    """The files of a service: its policy, whose data are in the unit's state folder, its unit, and its secrets."""
    inside = text.replace('"var/', f'"{STATE}/').replace("sqlite:///var/", f"sqlite:///{STATE}/")
    secrets = policy.with_suffix(".env")
    words = {"command": _command(), "policy": str(policy), "secrets": str(secrets)}
    unit = _packaged("cli", "gatekeeper.service")
    for name, value in words.items():
        unit = unit.replace(f"{{{{{name}}}}}", value)
    needed = re.findall(r'^[^#\n]*\benv = "(\w+)"', text, re.MULTILINE)
    return {policy: inside, policy.with_suffix(".service"): unit, secrets: "".join(f"{name}=\n" for name in needed)}


def _command() -> str:
    """The `gatekeeper` of this Python, whose place a unit needs in full."""
    return str(Path(sys.executable).with_name("gatekeeper"))


def _packaged(room: str, name: str) -> str:
    return resources.files("gatekeeper").joinpath(room, name).read_text("utf-8")


def _write(path: Path, text: str, *, secret: bool) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if secret else 0o644)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise unwritable(path, error) from None
