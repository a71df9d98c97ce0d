"""Stage 5 for calls: vendors' own formats, decoded and encoded. One format, one file and one table.

`DIALECTS` is the explicit registry; a path that none of a kind's dialects matches is never forwarded.
"""

from __future__ import annotations

from typing import Final

from gatekeeper.destinations.kind import Destination
from gatekeeper.native import (
    amplitude,
    ga4_measurement,
    ga4_web,
    google_ingest,
    google_upload,
    google_web,
    linkedin,
    matomo,
    meta_capi,
    meta_pixel,
    microsoft,
    mixpanel,
    pinterest,
    plausible,
    posthog,
    reddit,
    segment,
    sentry,
    snap,
    snowplow,
    tiktok_events,
    tiktok_pixel,
    umami,
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
    sentry,
    plausible.DIALECT,
    matomo.DIALECT,
    umami.DIALECT,
    posthog.DIALECT,
    snowplow.DIALECT,
    segment.SEGMENT,
    segment.RUDDERSTACK,
    mixpanel.DIALECT,
    amplitude.DIALECT,
    google_ingest,
    google_upload,
    google_web,
    tiktok_events,
    tiktok_pixel,
)
_OF_KIND: Final = {kind: tuple(one for one in DIALECTS if kind == one.KIND) for kind in {one.KIND for one in DIALECTS}}


def find(to: Destination, method: str, path: str) -> Dialect | None:
    """The dialect of a request to a destination, by method and path; `None`: the path is not known.

    The operator's own analytics takes calls in the one protocol that its `speaks` names.
    """
    for one in _OF_KIND.get(to.kind.name, ()):
        if one.matches(method, path) and _speaks(to, one):
            return one
    return None


def _speaks(to: Destination, dialect: Dialect) -> bool:
    return "speaks" not in to.settings or dialect.NAME.partition(" ")[0] == to.settings["speaks"]
