"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

POLICY = Path("gatekeeper.toml")
Config = Annotated[Path, typer.Option("--config", "-c", help="The policy file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Destination = Annotated[str | None, typer.Option("--destination", "-d", help="Only deliveries to this destination.")]
