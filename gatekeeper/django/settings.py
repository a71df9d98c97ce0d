"""The setting `GATEKEEPER`, and the one gate of this process that it makes."""

from __future__ import annotations

import difflib
import sys
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from django.conf import settings

from gatekeeper.errors import ConfigError
from gatekeeper.policy import Policy, trial
from gatekeeper.runtime import Runtime, start
from gatekeeper.storage.opening import open_store
from gatekeeper.storage.protocols import Opening

# `config`: a path or a loaded Policy. `outbound`: whether HTTP clients and SDKs are caught. `store`: opens the store.
# `test`: whether the process is in test mode; `None`: as `manage.py test` is.
DEFAULTS: Final[dict[str, object]] = {
    "config": "gatekeeper.toml", "outbound": True, "store": open_store, "test": None,
}  # fmt: skip


class Given(NamedTuple):
    """What the setting says, with what it leaves out."""

    config: str | Path | Policy
    outbound: bool
    store: Opening
    test: bool


def read() -> Given:
    """The setting. Raises ConfigError that names the key, the value and the remedy."""
    given = getattr(settings, "GATEKEEPER", None)
    if given is None:
        raise ConfigError('GATEKEEPER: missing; add GATEKEEPER = {"config": BASE_DIR / "gatekeeper.toml"}')
    if not isinstance(given, dict):
        raise ConfigError('GATEKEEPER: is not a dict; write {"config": BASE_DIR / "gatekeeper.toml"}')
    faults = []
    for key in given.keys() - DEFAULTS.keys():
        near = difflib.get_close_matches(str(key), DEFAULTS, 1)
        faults.append(f'GATEKEEPER: unknown key "{key}"; ' + (f'did you mean "{near[0]}"?' if near else "remove it"))
    config, outbound, store, test = (given.get(key, default) for key, default in DEFAULTS.items())
    if not isinstance(config, (str, Path, Policy)):
        faults.append(f'GATEKEEPER["config"]: {config!r} is not a path; name the policy file')
    if not isinstance(outbound, bool):
        faults.append(f'GATEKEEPER["outbound"]: {outbound!r} is not True or False')
    if not callable(store):
        faults.append(f'GATEKEEPER["store"]: {store!r} is not a function; name one that opens a store')
    if test is not None and not isinstance(test, bool):
        faults.append(f'GATEKEEPER["test"]: {test!r} is not True or False')
    if faults:
        raise ConfigError(*faults)
    return Given(config, outbound, store, sys.argv[1:2] == ["test"] if test is None else test)


@cache
def runtime() -> Runtime:
    """The gate of this process, made at the first call. Raises ConfigError if it cannot be."""
    given = read()
    if given.test:
        trial.begin()
    return start(given.config, store=given.store)
