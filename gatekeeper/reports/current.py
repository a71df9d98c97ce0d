"""A document as it is now, with what the log of the last 30 days shows. Acts: reads the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from gatekeeper.policy import Policy
from gatekeeper.reports import made
from gatekeeper.reports.cells import Document
from gatekeeper.reports.observed import observe

PERIOD: Final = timedelta(days=30)


def nothing() -> AbstractContextManager[Sequence[Path]]:
    """The other machines' logs where there is one machine."""
    return nullcontext(())


def current(
    name: str,
    policy: Policy,
    at: float,
    language: str,
    others: Callable[[], AbstractContextManager[Sequence[Path]]] = nothing,
) -> Document:
    """The document of one of `made.NAMES`, at a time (Unix seconds). Raises ConfigError, AuditError.

    `others` gives the folders of other machines' logs for a block; it is asked by documents that look at the log.
    """
    now = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
    observation = None
    if name in made.OBSERVED:
        with others() as folders:
            observation = observe(policy.audit_folder, now - PERIOD, now, folders)
    return made.made(name, policy, observation, now, language)
