"""walkerOS: `event.consent`, group names and booleans, `{"functional": true, "marketing": false}`.

Contract: `read` takes that object and never raises. Every group of a purpose must be true (walkerOS itself
lets one of several suffice). A purpose that is not named is not spoken about.
Source: https://github.com/elbwalker/walkerOS `packages/core/src/consent.ts`
"""

from __future__ import annotations

from collections.abc import Mapping

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import permissions
from gatekeeper.signals.flags.answers import flag, malformed
from gatekeeper.signals.site import category_map

SOURCE = "walkeros"
CATEGORIES = {
    "analytics": Purpose.ANALYTICS,
    "statistics": Purpose.ANALYTICS,
    "marketing": Purpose.MARKETING,
}


def read(consent: object, site: Mapping[str, Purpose] | None = None) -> tuple[Signal, ...]:
    """The flag of one `consent`. `site` maps the site's own group names, on top of `CATEGORIES`."""
    if not isinstance(consent, Mapping):
        return (malformed(SOURCE, "the consent object is none"),)
    spoken = {str(name): allowed is True for name, allowed in consent.items()}
    return (flag(SOURCE, permissions(spoken, category_map(CATEGORIES, site or {})), "consent state"),)
