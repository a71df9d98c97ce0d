"""`gatekeeper init`: a commented policy to start from."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import typer

from gatekeeper.errors import ConfigError


def run(path: Path, force: bool, as_json: bool) -> None:
    """Write the template; refuse to overwrite."""
    if path.exists() and not force:
        raise ConfigError(f"{path}: is there already; choose another path or use --force")
    text = resources.files("gatekeeper.policy").joinpath("template.toml").read_text("utf-8")
    try:
        path.write_text(text.replace("{{today}}", datetime.now(UTC).date().isoformat()), "utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None
    if as_json:
        typer.echo(json.dumps({"file": str(path)}))
        return
    typer.echo(f"wrote {path}; set the environment variables it names, then run: gatekeeper check --config {path}")
