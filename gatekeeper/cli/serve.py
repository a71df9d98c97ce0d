"""`gatekeeper serve`."""

from __future__ import annotations

import logging
from pathlib import Path

from rich.console import Console

from gatekeeper.cli.policy import load_policy, opening
from gatekeeper.shells.server import sidecar


def run(config: Path, host: str | None, port: int | None, workers: int, app_upstream: str | None) -> None:
    """Say where it listens, then serve."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    policy = load_policy(config)
    table = policy.file.server
    sidecar.serve(
        policy,
        host=host or table.host,
        port=table.port if port is None else port,
        workers=workers,
        app_upstream=app_upstream,
        store=opening(),
        ready=_announce,
    )


def _announce(host: str, port: int, prefix: str) -> None:
    shown = f"[{host}]" if ":" in host else host
    Console(stderr=True, highlight=False).print(f"gatekeeper listens on http://{shown}:{port}{prefix}")
