"""What is wrong with a policy file, for `gatekeeper check` and Django's checks: its faults, and what to look at."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Unpack

from gatekeeper.errors import ConfigError
from gatekeeper.geoip.info import info
from gatekeeper.geoip.info import warnings as geoip_warnings
from gatekeeper.policy.check import warnings
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.registry import Extensions


def findings(config: str | Path, **extensions: Unpack[Extensions]) -> tuple[list[str], list[str]]:
    """Errors and warnings of a policy file, one sentence each; `extensions` as for `load_policy`."""
    errors: list[str] = []
    warned: list[str] = []
    try:
        load_policy(config, **extensions)
    except ConfigError as error:
        errors = list(error.problems)
    with contextlib.suppress(ConfigError):
        # A missing secret is an error, but no reason to keep the warnings back.
        policy = load_policy(config, require_secrets=False, **extensions)
        warned = [*warnings(policy), *geoip_warnings(info(policy.database_path, now=time.time()))]
    return errors, warned
