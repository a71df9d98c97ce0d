"""Stage 5, shape: one place per vendor. Pure. `KINDS` and `DIALECTS` are the explicit registries.

A vendor is a file, or a folder where it is large. A folder has the same few files for each vendor:

    deletion     how a person is deleted there (`deletion.py`)
    events       the kind of destination: its defaults, its settings, and events in the vendor's format (`kind.py`)
    calls        requests as servers send them, read and written again (`dialect.py`)
    pixel        requests as the vendor's own script in a page sends them
    *.toml       the tables of calls: which parameter is which field

`formats/` holds the tools that vendors share. Of a vendor `meta` the simulator is `gatekeeper/testing/meta.py`, and its
exchanges (requests that came in, and what goes out) are in `tests/exchanges/meta/`.

`KINDS` maps the kind that a policy names to what shapes its events. `DIALECTS` holds the formats of calls; a path that
no format of a kind matches is never forwarded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
from gatekeeper.vendors.deletion import Deletion, endpoint
from gatekeeper.vendors.deletion import amplitude as by_amplitude
from gatekeeper.vendors.deletion import matomo as by_matomo
from gatekeeper.vendors.deletion import mixpanel as by_mixpanel
from gatekeeper.vendors.deletion import posthog as by_posthog
from gatekeeper.vendors.deletion import rudderstack as by_rudderstack
from gatekeeper.vendors.deletion import segment as by_segment
from gatekeeper.vendors.dialect import Dialect
from gatekeeper.vendors.formats.table import Table
from gatekeeper.vendors.kind import Destination, DestinationModule

_MODULES: Final[tuple[DestinationModule, ...]] = (
    ga4.events, meta.events, google.events, tiktok.events, sentry.events, first_party, http_json,
    pinterest, snap, linkedin, microsoft, reddit, x,
)  # fmt: skip
KINDS: Final[dict[str, DestinationModule]] = {module.KIND.name: module for module in _MODULES}
DIALECTS: Final[tuple[Dialect, ...]] = (
    ga4.calls.DIALECT,
    ga4.pixel.DIALECT,
    meta.calls.DIALECT,
    meta.pixel.DIALECT,
    pinterest.DIALECT,
    snap.DIALECT,
    linkedin.DIALECT,
    microsoft.CONVERSIONS,
    microsoft.TAG,
    reddit.CONVERSIONS,
    reddit.PIXEL,
    x.DIALECT,
    sentry.calls.DIALECT,
    plausible.DIALECT,
    matomo.DIALECT,
    umami.DIALECT,
    posthog.DIALECT,
    posthog.PROFILES,
    posthog.FLAGS,
    posthog.RECORDINGS,
    posthog.CONFIGURATION,
    snowplow.DIALECT,
    segment.SEGMENT,
    segment.METRICS,
    segment.SETTINGS,
    segment.RUDDERSTACK,
    segment.SOURCE,
    mixpanel.DIALECT,
    mixpanel.GROUPS,
    mixpanel.FLAGS,
    amplitude.DIALECT,
    google.ingest.DIALECT,
    google.upload.DIALECT,
    google.pixel.DIALECT,
    tiktok.calls.DIALECT,
    tiktok.pixel.DIALECT,
)

DELETIONS: Final[Mapping[str, Deletion]] = {
    "ga4": ga4.deletion.DELETION,
    "meta_capi": meta.deletion.DELETION,
    "google_ads": google.deletion.DELETION,
    "first_party": endpoint.DELETION,
    "http_json": endpoint.DELETION,
    "amplitude": by_amplitude.DELETION,
    "mixpanel": by_mixpanel.DELETION,
    "posthog": by_posthog.DELETION,
    "matomo": by_matomo.DELETION,
    "segment": by_segment.DELETION,
    "rudderstack": by_rudderstack.DELETION,
}
"""By kind, or by the product that a `first_party` destination speaks: those whose own documentation was read."""


def deletion_of(to: Destination) -> Deletion | None:
    """How a person is deleted at a destination; `None` where only people can ask."""
    brought = getattr(to.module, "DELETION", None)
    if isinstance(brought, Deletion):
        return brought
    return DELETIONS.get(spoken(to))


def spoken(to: Destination) -> str:
    """The product that a destination is, or its kind."""
    return to.settings.get("speaks") or to.kind.name


def by_kind(dialects: Iterable[Dialect]) -> Mapping[str, tuple[Dialect, ...]]:
    """Formats of calls by the kind of destination they belong to; the first that matches a request is its format."""
    kinds: dict[str, tuple[Dialect, ...]] = {}
    for one in dialects:
        kinds[one.KIND] = (*kinds.get(one.KIND, ()), one)
    return kinds


def tables_of(dialects: Iterable[Dialect]) -> list[Table]:
    """The tables of native names that formats have."""
    found = [getattr(one, "table", None) for one in dialects]
    return [one for one in found if isinstance(one, Table)]


NATIVE: Final = frozenset(
    [name for one in tables_of(DIALECTS) for name in one.exact]
    + [name for module in _MODULES for name in module.KIND.as_necessary or ()]
)
"""Every native name in the tables of `DIALECTS`, as a table writes it, and the names of items that decide something."""


WORDS: Final = frozenset[str]().union(*[one.words for one in tables_of(DIALECTS)])
"""What the names of those tables are made of: these words may be remembered."""


def find(to: Destination, method: str, path: str, dialects: Mapping[str, tuple[Dialect, ...]]) -> Dialect | None:
    """The format of a request to a destination, by method and path; `None`: the path is not known.

    The operator's own analytics takes calls in the one protocol that its `speaks` names. `dialects` are the policy's.
    """
    for one in dialects.get(to.kind.name, ()):
        if one.matches(method, path) and _speaks(to, one):
            return one
    return None


def unspoken(
    to: Destination, method: str, path: str, dialects: Mapping[str, tuple[Dialect, ...]]
) -> tuple[Dialect, ...]:
    """The products whose requests look like this one, at a destination of the operator's own that names no `speaks`."""
    if to.settings.get("speaks", "") is not None:
        return ()
    return tuple([one for one in dialects.get(to.kind.name, ()) if one.matches(method, path)])


def product(dialect: Dialect) -> str:
    """The product that a format belongs to: what `speaks` calls it."""
    return dialect.NAME.partition(" ")[0]


def _speaks(to: Destination, dialect: Dialect) -> bool:
    return "speaks" not in to.settings or product(dialect) == to.settings["speaks"]
