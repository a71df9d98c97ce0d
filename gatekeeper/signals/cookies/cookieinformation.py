"""Cookie Information: `CookieInformationConsent`, encoded JSON with the approved and the denied categories.

The cookie is written with the answer.
Source: https://support.cookieinformation.com/en/articles/4418529 ; consent-rr `src/cookieinformation`
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import both, decided, read_each
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import json_object, strings, token, when
from gatekeeper.signals.site import Site

SOURCE = "cookieinformation"
NAMES = ("CookieInformationConsent",)
PREFIXES = ()
CATEGORIES = {
    "cookie_cat_necessary": Purpose.NECESSARY,
    "cookie_cat_statistic": Purpose.ANALYTICS,
    "cookie_cat_marketing": Purpose.MARKETING,
}
OMITS_REFUSALS = False


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    return read_each(SOURCE, cookies["CookieInformationConsent"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    found = json_object(value)
    approved = [(name, True) for name in strings(found.get("consents_approved"))]
    denied = [(name, False) for name in strings(found.get("consents_denied", []))]
    at, evidence = when(found.get("timestamp")), token(found.get("user_uid"))
    yield decided(SOURCE, both([*approved, *denied]), site, at=at, evidence=evidence)
