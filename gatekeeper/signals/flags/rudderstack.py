"""RudderStack: `context.consentManagement` with `deniedConsentIds` and `allowedConsentIds`.

Contract: `read` takes that object and never raises. Denied ids refuse; allowed ids and ids that no map
knows say nothing that could matter, for a flag only narrows. Ids are those of the provider, or the site's
own.
Source: https://www.rudderstack.com/docs/data-governance/consent-management/ ; rudder-server
`processor/consent.go`
"""

from __future__ import annotations

from collections.abc import Mapping

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import permissions
from gatekeeper.signals.flags.answers import flag, malformed
from gatekeeper.signals.site import category_map

SOURCE = "rudderstack"
CATEGORIES = {
    "C0002": Purpose.ANALYTICS,  # oneTrust
    "C0004": Purpose.MARKETING,
    "4": Purpose.ANALYTICS,  # iubenda
    "5": Purpose.MARKETING,
    "analytics": Purpose.ANALYTICS,  # ketch
    "behavioral_advertising": Purpose.MARKETING,
    "marketing": Purpose.MARKETING,
}


def read(consent: object, site: Mapping[str, Purpose] | None = None) -> tuple[Signal, ...]:
    """The flag of one `context.consentManagement`. `site` maps the site's own ids, on top of `CATEGORIES`."""
    if not isinstance(consent, Mapping):
        return (malformed(SOURCE, "the consent object is none"),)
    denied, allowed = _ids(consent.get("deniedConsentIds")), _ids(consent.get("allowedConsentIds"))
    if denied is None or allowed is None:
        return (malformed(SOURCE, "consent ids that are no list"),)
    spoken = {**dict.fromkeys(allowed, True), **dict.fromkeys(denied, False)}
    return (flag(SOURCE, permissions(spoken, category_map(CATEGORIES, site or {})), "consent ids"),)


def _ids(value: object) -> list[str] | None:
    """A list of ids, or an object of ids and their names; `None` for anything else that is there."""
    match value:
        case None:
            return []
        case Mapping():
            return [name for pair in value.items() for name in pair if isinstance(name, str)]
        case list():
            return [item for item in value if isinstance(item, str)]
        case _:
            return None
