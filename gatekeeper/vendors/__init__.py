"""Stage 5, shape: one place per vendor. `KINDS` and `DIALECTS` are the explicit registries.

A vendor is a file, or a folder where it is large. The names in it are the same for all:

    events       the kind of destination: its defaults, settings, and events in the vendor's own format (`kind.py`)
    calls        requests as servers send them, read and written again (`dialect.py`)
    pixel        requests as the vendor's own script sends them
    *.toml       the tables: which parameter is which field

`KINDS` maps the kind that a policy names to what shapes its events. `DIALECTS` holds the formats of calls; a path that
none of a kind's dialects matches is never forwarded.
"""

from __future__ import annotations

from typing import Final

from gatekeeper.vendors import (
    amplitude,
    first_party,
    ga4,
    google,
    http_json,
    linkedin,
    matomo,
    meta,
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
    tiktok,
    umami,
    x,
)
from gatekeeper.vendors.dialect import Dialect
from gatekeeper.vendors.kind import Destination, DestinationModule

_MODULES: Final[tuple[DestinationModule, ...]] = (
    ga4.events, meta.events, google.events, tiktok.events, sentry.events, first_party, http_json,
    pinterest, snap, linkedin, microsoft, reddit, x,
)  # fmt: skip
KINDS: Final[dict[str, DestinationModule]] = {module.KIND.name: module for module in _MODULES}
DIALECTS: Final[tuple[Dialect, ...]] = (
    ga4.calls,
    ga4.pixel,
    meta.calls,
    meta.pixel.DIALECT,
    pinterest.DIALECT,
    snap.DIALECT,
    linkedin.DIALECT,
    microsoft.CONVERSIONS,
    microsoft.TAG,
    reddit.CONVERSIONS,
    reddit.PIXEL,
    x.DIALECT,
    sentry.calls,
    plausible.DIALECT,
    matomo.DIALECT,
    umami.DIALECT,
    posthog.DIALECT,
    snowplow.DIALECT,
    segment.SEGMENT,
    segment.RUDDERSTACK,
    mixpanel.DIALECT,
    amplitude.DIALECT,
    google.ingest,
    google.upload,
    google.pixel,
    tiktok.calls,
    tiktok.pixel,
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
