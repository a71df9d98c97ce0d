"""WP Consent API: `wp_consent_statistics=allow|deny` and so on, written by several WordPress banners.

A category cookie is there iff a banner set it. Anonymous statistics are a category of their own and are
not mapped. Version 2 keeps single services in `wp_consent_consented_services`, JSON of booleans.
Source: https://github.com/WordPress/wp-consent-level-api
"""

from __future__ import annotations

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import by_category, sibling
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.site import Site

SOURCE = "wp-consent-api"
NAMES = ()
PREFIXES = ("wp_consent_",)
CATEGORIES = {
    "functional": Purpose.NECESSARY,
    "statistics": Purpose.ANALYTICS,
    "marketing": Purpose.MARKETING,
}
OMITS_REFUSALS = False

_KNOWN = ("functional", "preferences", "statistics", "statistics-anonymous", "marketing")
_SERVICES = "consented_services"


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice out of all the cookies; of a category that is there twice the refusal counts."""
    found = {name.removeprefix(PREFIXES[0]): values for name, values in cookies.items()}
    return by_category(SOURCE, found, site, known=_KNOWN, services=_SERVICES) or (sibling(SOURCE),)
