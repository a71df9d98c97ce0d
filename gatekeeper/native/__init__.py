"""Stage 5 for calls: vendors' own formats, decoded and encoded. One format, one file and one table.

`DIALECTS` is the explicit registry; a path that none of a kind's dialects matches is never forwarded.
"""

from __future__ import annotations

from typing import Final

from gatekeeper.native import ga4_measurement, ga4_web, sentry
from gatekeeper.native.dialect import Dialect

DIALECTS: Final[tuple[Dialect, ...]] = (
    ga4_measurement,
    ga4_web,
    sentry,
)


def find(kind: str, method: str, path: str) -> Dialect | None:
    """The dialect of a request to a destination of `kind`, by method and path; `None`: the path is not known."""
    return next((one for one in DIALECTS if kind == one.KIND and one.matches(method, path)), None)
