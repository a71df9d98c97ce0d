"""What went wrong with a page, in words for who looks at it. Pure but for a line in the process log."""

from __future__ import annotations

import logging
from typing import Final, NamedTuple

from gatekeeper.errors import AuditError, ConfigError, EventError, GatekeeperError, RightsError

FAULTS: Final = (GatekeeperError, TimeoutError, OSError)  # what a page may raise
_log = logging.getLogger("gatekeeper")


class Told(NamedTuple):
    """A status, a sentence without its full stop, and more about it."""

    status: int
    title: str
    detail: str | None = None


def told(error: Exception, *, shown: bool = False) -> Told:
    """The words for one of `FAULTS`; `shown`: of what only looks, so that nothing could have been done."""
    match error:
        case EventError():
            return Told(error.status, f"{error.field}: {error.title}" if error.field else error.title, error.detail)
        case RightsError():
            return Told(error.status, error.title)
        case ConfigError():
            return Told(422, "this cannot be done as it is", "; ".join(error.problems))
        case AuditError():
            what = "the audit log cannot be read" if shown else "the audit log cannot be written"
        case _:
            what = "the store does not answer"
    _log.error("console: %s (%s)", what, type(error).__name__)
    return Told(503, what if shown else f"{what}: nothing was done", str(error) if shown else None)
