"""`manage.py gatekeeper_check`: errors and warnings of the policy that the settings name."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gatekeeper.django import settings
from gatekeeper.errors import ConfigError
from gatekeeper.policy import Policy
from gatekeeper.policy.findings import findings


class Command(BaseCommand):  # type: ignore[misc]  # Django has no types of its own
    """The command; exits 1 if there are errors, 0 on warnings."""

    help = "Check the Gatekeeper policy that the settings name."
    requires_system_checks: tuple[str, ...] = ()  # this is one: a broken policy is told here, once

    def handle(self, *args: Any, **options: Any) -> None:
        """Print every finding, one a line."""
        try:
            config = settings.read().config
        except ConfigError as error:
            raise CommandError("\n".join(error.problems)) from None
        errors, warned = ([], []) if isinstance(config, Policy) else findings(config)
        for line in warned:
            self.stdout.write(f"warning  {line}")
        if errors:
            raise CommandError("\n".join(errors))
        self.stdout.write(self.style.SUCCESS("the policy can be used"))
