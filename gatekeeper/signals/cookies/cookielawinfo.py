"""GDPR Cookie Consent (the older CookieYes plugin): `viewed_cookie_policy`, and one cookie per category.

`viewed_cookie_policy` is the answer; without it the category cookies are defaults. `no` refuses everything. Home-made
banners use the same name with other values, which are theirs.
Source: https://www.webtoffee.com/gdpr-cookie-consent-cookie-list/ ; consent-rr `src/cookielawinfo`
"""

from __future__ import annotations

from gatekeeper.model import Purpose, Role, Signal, Standing
from gatekeeper.signals.answers import ALL_REFUSED, both, decided, undecided, unreadable
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import ForeignError
from gatekeeper.signals.site import Site

SOURCE = "cookielawinfo"
NAMES = ("viewed_cookie_policy",)
PREFIXES = ("cookielawinfo-checkbox-",)
CATEGORIES = {
    "necessary": Purpose.NECESSARY,
    "analytics": Purpose.ANALYTICS,
    "advertisement": Purpose.MARKETING,
}
OMITS_REFUSALS = False

_SWITCH = {"yes": True, "no": False}


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice out of all the cookies; of a category that is there twice the refusal counts."""
    viewed = cookies.get("viewed_cookie_policy", ())
    if viewed and not any(value in _SWITCH for value in viewed):
        return (unreadable(SOURCE, ForeignError("not written by this plugin")),)
    if not viewed:
        return (undecided(SOURCE, "banner not answered"),)
    if "no" in viewed:
        return (Signal(SOURCE, Role.CHOICE, Standing.DECIDED, ALL_REFUSED, note="refused altogether"),)
    prefix = len(PREFIXES[0])
    spoken = both(
        (name[prefix:], _SWITCH.get(value))
        for name, values in cookies.items()
        if name.startswith(PREFIXES[0])
        for value in values
    )
    return (decided(SOURCE, spoken, site),)
