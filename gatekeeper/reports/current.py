"""A document as it is now, with what the log of the last 30 days shows. Acts: reads the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from gatekeeper.policy import Policy
from gatekeeper.reports import made
from gatekeeper.reports.cells import Document
from gatekeeper.reports.observed import observe

PERIOD: Final = timedelta(days=30)


def current(
    name: str, policy: Policy, at: float, language: str, others: Callable[[], Sequence[Path]] = tuple
) -> Document:
    """The document of one of `made.NAMES`, at a time (Unix seconds). Raises ConfigError, AuditError.

    `others` gives the folders of other machines' logs; it is asked by documents that look at the log.
    """
    now = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
    observation = observe(policy.audit_folder, now - PERIOD, now, others()) if name in made.OBSERVED else None
    return made.made(name, policy, observation, now, language)
