"""The setting `GATEKEEPER`, and the one gate of this process that it makes."""

from __future__ import annotations

import difflib
from functools import cache
from pathlib import Path
from typing import Final

from django.conf import settings

from gatekeeper.errors import ConfigError
from gatekeeper.policy import Policy
from gatekeeper.runtime import Runtime, start

# `config`: a path or a loaded Policy. `outbound`: whether HTTP clients and SDKs are caught.
DEFAULTS: Final[dict[str, object]] = {"config": "gatekeeper.toml", "outbound": True}


def read() -> tuple[str | Path | Policy, bool]:
    """Policy file and whether clients are caught. Raises ConfigError that names the key, the value and the remedy."""
    given = getattr(settings, "GATEKEEPER", None)
    if given is None:
        raise ConfigError('GATEKEEPER: missing; add GATEKEEPER = {"config": BASE_DIR / "gatekeeper.toml"}')
    if not isinstance(given, dict):
        raise ConfigError('GATEKEEPER: is not a dict; write {"config": BASE_DIR / "gatekeeper.toml"}')
    faults = []
    for key in given.keys() - DEFAULTS.keys():
        near = difflib.get_close_matches(str(key), DEFAULTS, 1)
        faults.append(f'GATEKEEPER: unknown key "{key}"; ' + (f'did you mean "{near[0]}"?' if near else "remove it"))
    config, outbound = (given.get(key, default) for key, default in DEFAULTS.items())
    if not isinstance(config, (str, Path, Policy)):
        faults.append(f'GATEKEEPER["config"]: {config!r} is no path; name the policy file')
    if not isinstance(outbound, bool):
        faults.append(f'GATEKEEPER["outbound"]: {outbound!r} is not True or False')
    if faults:
        raise ConfigError(*faults)
    return config, bool(outbound)


@cache
def runtime() -> Runtime:
    """The gate of this process, made at the first call. Raises ConfigError if it cannot be."""
    config, _ = read()
    return start(config)
