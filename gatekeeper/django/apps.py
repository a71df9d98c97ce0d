"""The Django app: system checks, and the interception of HTTP clients in every process of the project."""

from __future__ import annotations

import contextlib

from django.apps import AppConfig
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from gatekeeper import outbound
from gatekeeper.django import lifespan, settings
from gatekeeper.django.checks import check_policy, check_secrets
from gatekeeper.errors import ConfigError


class GatekeeperConfig(AppConfig):  # type: ignore[misc]  # Django has no types of its own
    """`gatekeeper.django` in INSTALLED_APPS."""

    name = "gatekeeper.django"
    label = "gatekeeper"
    verbose_name = "Gatekeeper"

    def ready(self) -> None:
        """Register the check; catch clients here, so that management commands and workers are covered too.

        What is wrong with the settings is told by the check, and by the middleware when the project is served.
        """
        checks.register(check_policy, "gatekeeper")
        checks.register(check_secrets, "gatekeeper", deploy=True)
        with contextlib.suppress(ConfigError):
            if settings.read().outbound:
                _install()
            lifespan.answer(settings.runtime())


def _install() -> None:
    """Catch the clients, all of them or none: with some left out the project must not start."""
    try:
        outbound.install()
    except ConfigError as error:
        raise ImproperlyConfigured(str(error)) from error
