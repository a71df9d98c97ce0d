"""A document as it is now, with what the log of the last 30 days shows. Acts: reads the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from gatekeeper.policy import Policy
from gatekeeper.reports import made
from gatekeeper.reports.cells import Document
from gatekeeper.reports.observed import observe

PERIOD: Final = timedelta(days=30)


def current(name: str, policy: Policy, at: float, language: str) -> Document:
    """The document of one of `made.NAMES`, at a time (Unix seconds). Raises ConfigError, AuditError."""
    now = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
    observation = observe(policy.audit_folder, now - PERIOD, now) if name in made.OBSERVED else None
    return made.made(name, policy, observation, now, language)
