"""The system check: `manage.py check` tells what is wrong with the policy and with the middleware's place."""

from __future__ import annotations

from typing import Any

from django.conf import settings as project
from django.core import checks

from gatekeeper.cli.check import findings
from gatekeeper.django import settings
from gatekeeper.errors import ConfigError
from gatekeeper.policy import Policy

MIDDLEWARE = "gatekeeper.django.GatekeeperMiddleware"


def check_policy(app_configs: Any, **options: Any) -> list[Any]:
    """Errors `gatekeeper.E001` and warnings `gatekeeper.W001` of the policy; `W002`, `W003`: its place."""
    found: list[Any] = []
    try:
        config = settings.read().config
    except ConfigError as error:
        return [checks.Error(line, id="gatekeeper.E001") for line in error.problems]
    if not isinstance(config, Policy):
        errors, warned = findings(config)
        found += [checks.Error(line, id="gatekeeper.E001") for line in errors]
        found += [checks.Warning(line, id="gatekeeper.W001") for line in warned]
    if MIDDLEWARE not in project.MIDDLEWARE:
        text = "MIDDLEWARE: the gate's is missing, so every visitor is unknown"
        found.append(checks.Warning(text, hint=f'add "{MIDDLEWARE}" as the first', id="gatekeeper.W002"))
    elif project.MIDDLEWARE[0] != MIDDLEWARE:
        text = "MIDDLEWARE: what is before the gate's middleware tracks for an unknown visitor"
        found.append(checks.Warning(text, hint=f'put "{MIDDLEWARE}" first', id="gatekeeper.W003"))
    return found
