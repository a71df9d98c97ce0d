"""WP Consent API: `wp_consent_statistics=allow|deny` and so on, written by several WordPress banners.

A category cookie is there iff a banner set it. Anonymous statistics are a category of their own and are
not mapped.
Source: https://github.com/WordPress/wp-consent-level-api
"""

from __future__ import annotations

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import Site, both, decided, unreadable
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import UnreadableError

SOURCE = "wp-consent-api"
NAMES = ()
PREFIXES = ("wp_consent_",)
CATEGORIES = {
    "functional": Purpose.NECESSARY,
    "statistics": Purpose.ANALYTICS,
    "marketing": Purpose.MARKETING,
}
OMITS_REFUSALS = False

_SWITCH = {"allow": True, "deny": False}


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice out of all the cookies; of a category that is there twice the refusal counts."""
    if any(value not in _SWITCH for values in cookies.values() for value in values):
        return (unreadable(SOURCE, UnreadableError("neither allow nor deny")),)
    spoken = both(
        (name.removeprefix(PREFIXES[0]), _SWITCH[value]) for name, values in cookies.items() for value in values
    )
    return (decided(SOURCE, spoken, site),)
