"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

POLICY = Path("gatekeeper.toml")
Config = Annotated[Path, typer.Option("--config", "-c", envvar="GATEKEEPER_CONFIG", help="The policy file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Destination = Annotated[str | None, typer.Option("--destination", "-d", help="Only deliveries to this destination.")]
Gpc = Annotated[bool, typer.Option("--gpc", help="As if the browser sent Sec-GPC: 1.")]
Query = Annotated[str, typer.Option(help="A query string with gdpr_consent, gpp, us_privacy, gcs, …")]
Country = Annotated[
    str | None, typer.Option(help="The visitor's place, such as DE or US-CA; by default the strictest law applies.")
]
OneLaw = Annotated[str | None, typer.Option("--law", help="Under this law alone, such as ccpa.")]
