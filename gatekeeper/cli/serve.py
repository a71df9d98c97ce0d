"""`gatekeeper serve`: run the sidecar."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from pathlib import Path

from gatekeeper.cli import logs
from gatekeeper.cli.policy import load_policy, opening
from gatekeeper.errors import ConfigError
from gatekeeper.policy.egress import parse
from gatekeeper.shells.server import sidecar

_SENTENCE = "gatekeeper listens on {}"


def run(
    config: Path,
    host: str | None,
    port: int | None,
    workers: int,
    app_upstream: str | None,
    proxy: str | None,
    *,
    log_level: str,
    log_format: str,
) -> None:
    """Say where it listens, then serve."""
    logs.begin(log_level, log_format)
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
        ready=_announced if log_format.lower() == "json" else _announce,
    )


def _announce(host: str, port: int, prefix: str) -> None:
    print(_SENTENCE.format(_url(host, port, prefix)), file=sys.stderr, flush=True)


def _announced(host: str, port: int, prefix: str) -> None:
    logging.getLogger("gatekeeper").info(_SENTENCE.format(_url(host, port, prefix)))


def _url(host: str, port: int, prefix: str) -> str:
    return f"http://[{host}]:{port}{prefix}" if ":" in host else f"http://{host}:{port}{prefix}"
