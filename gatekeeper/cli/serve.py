"""`gatekeeper serve`: run the sidecar."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from gatekeeper.cli.policy import load_policy, opening
from gatekeeper.errors import ConfigError
from gatekeeper.policy.egress import parse
from gatekeeper.shells.server import sidecar


def run(
    config: Path, host: str | None, port: int | None, workers: int, app_upstream: str | None, proxy: str | None
) -> None:
    """Say where it listens, then serve."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    policy = load_policy(config)
    if proxy is not None:
        try:
            egress = parse(proxy, policy.file.delivery.no_proxy, given=True)
        except ValueError as error:
            raise ConfigError(f"--upstream-proxy: {error}") from None
        policy = replace(policy, egress=egress)
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
