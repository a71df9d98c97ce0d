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
    matomo,
    mixpanel,
    plausible,
    posthog,
    segment,
    sentry,
    snowplow,
    umami,
)
from gatekeeper.native.dialect import Dialect

DIALECTS: Final[tuple[Dialect, ...]] = (
    ga4_measurement,
    ga4_web,
    sentry,
    # first_party: where two vendors share a path, the first is meant unless the policy's `speaks` says otherwise
    plausible.DIALECT, matomo, umami.DIALECT, posthog.DIALECT, snowplow.POST, snowplow.GET,
    segment.SEGMENT, segment.RUDDERSTACK, mixpanel.DIALECT, amplitude.DIALECT,
)  # fmt: skip


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
