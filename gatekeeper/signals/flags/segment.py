"""Segment: `context.consent.categoryPreferences`, category names and booleans.

Contract: `read` takes the `consent` object and never raises. In Segment's own reading a category that is
missing is false, and an empty object is false for all; so a purpose none of whose categories is there is
refused.
Source: https://segment.com/docs/privacy/consent-management/consent-in-segment-connections/
"""

from __future__ import annotations

from collections.abc import Mapping

from gatekeeper.model import OPTIONAL, Permission, Purpose, Signal
from gatekeeper.signals.answers import permissions
from gatekeeper.signals.flags.answers import flag, malformed
from gatekeeper.signals.site import category_map

SOURCE = "segment"
CATEGORIES = {
    "Analytics": Purpose.ANALYTICS,
    "Performance": Purpose.ANALYTICS,
    "C0002": Purpose.ANALYTICS,
    "Advertising": Purpose.MARKETING,
    "Marketing": Purpose.MARKETING,
    "Targeting": Purpose.MARKETING,
    "C0004": Purpose.MARKETING,
}


def read(consent: object, site: Mapping[str, Purpose] | None = None) -> tuple[Signal, ...]:
    """The flag of one `context.consent`. `site` maps the site's own categories, on top of `CATEGORIES`."""
    preferences = consent.get("categoryPreferences") if isinstance(consent, Mapping) else None
    if not isinstance(preferences, Mapping):
        return (malformed(SOURCE, "no category preferences"),)
    spoken = {str(name): allowed is True for name, allowed in preferences.items()}
    says = permissions(spoken, category_map(CATEGORIES, site or {}))
    missing = dict.fromkeys((purpose for purpose in OPTIONAL if purpose not in says), Permission.DENIED)
    return (flag(SOURCE, {**says, **missing}, "category preferences"),)
