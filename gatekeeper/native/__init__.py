"""Stage 5 for calls: vendors' own formats, decoded and encoded. One format, one file and one table.

`DIALECTS` is the explicit registry; a path that none of a kind's dialects matches is never forwarded.
"""

from __future__ import annotations

from typing import Final

from gatekeeper.destinations.kind import Destination
from gatekeeper.native import (
    ga4_measurement,
    ga4_web,
    linkedin,
    meta_capi,
    meta_pixel,
    microsoft,
    pinterest,
    reddit,
    snap,
    x,
)
from gatekeeper.native.dialect import Dialect

DIALECTS: Final[tuple[Dialect, ...]] = (
    ga4_measurement,
    ga4_web,
    meta_capi,
    meta_pixel.DIALECT,
    pinterest.DIALECT,
    snap.DIALECT,
    linkedin.DIALECT,
    microsoft.CONVERSIONS,
    microsoft.TAG,
    reddit.CONVERSIONS,
    reddit.PIXEL,
    x.DIALECT,
)


def find(to: Destination, method: str, path: str) -> Dialect | None:
    """The dialect of a request to a destination, by method and path; `None`: the path is not known."""
    speaks = to.settings.get("speaks")
    return next(
        (
            one
            for one in DIALECTS
            if to.kind.name == one.KIND
            and (speaks is None or one.NAME.partition(" ")[0] == speaks)
            and one.matches(method, path)
        ),
        None,
    )
