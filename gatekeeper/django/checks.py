"""The system check: `manage.py check` tells what is wrong with the policy and with the middleware's place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings as project
from django.core import checks

from gatekeeper.django import settings
from gatekeeper.errors import ConfigError
from gatekeeper.policy import Policy, load_policy
from gatekeeper.policy.findings import findings

MIDDLEWARE = "gatekeeper.django.GatekeeperMiddleware"


def check_policy(app_configs: Any, **options: Any) -> list[Any]:
    """Errors `gatekeeper.E001` and warnings `W001` of the policy; `W002`, `W003`: the middleware's place.

    A secret that is not set is a warning here (`W004`), because tests and migrations need none.
    """
    found: list[Any] = []
    try:
        config = settings.read().config
    except ConfigError as error:
        return [checks.Error(line, id="gatekeeper.E001") for line in error.problems]
    if not isinstance(config, Policy):
        errors, warned = findings(config)
        unset = _unset(config, errors)
        found += [checks.Error(line, id="gatekeeper.E001") for line in errors if line not in unset]
        found += [checks.Warning(line, id="gatekeeper.W004") for line in unset]
        found += [checks.Warning(line, id="gatekeeper.W001") for line in warned]
    if MIDDLEWARE not in project.MIDDLEWARE:
        text = "MIDDLEWARE: the gate's is missing, so every visitor is unknown"
        found.append(checks.Warning(text, hint=f'add "{MIDDLEWARE}" as the first', id="gatekeeper.W002"))
    elif project.MIDDLEWARE[0] != MIDDLEWARE:
        text = "MIDDLEWARE: what is before the gate's middleware tracks for an unknown visitor"
        found.append(checks.Warning(text, hint=f'put "{MIDDLEWARE}" first', id="gatekeeper.W003"))
    return found


def check_secrets(app_configs: Any, **options: Any) -> list[Any]:
    """With `check --deploy`: errors `gatekeeper.E002` for secrets that are not set."""
    try:
        config = settings.read().config
    except ConfigError:
        return []  # told by the check of the policy
    if isinstance(config, Policy):
        return []
    return [checks.Error(line, id="gatekeeper.E002") for line in _unset(config, findings(config)[0])]


def _unset(config: str | Path, errors: list[str]) -> list[str]:
    """Those errors of a policy that are not there where secrets are not required."""
    try:
        load_policy(config, require_secrets=False)
    except ConfigError as error:
        return [line for line in errors if line not in error.problems]
    return errors
