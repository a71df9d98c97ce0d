"""CookieYes: `cookieyes-consent`, comma-separated `name:yes|no` pairs; WebToffee writes the same as `wt_consent`.

Only `action:yes` is a choice. `consent:` is ignored: it is turned round in the platform's CCPA mode.
Source: https://www.cookieyes.com/documentation/cookies-used-by-cookieyes/ ; consent-rr `src/cookieyes`
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import both, decided, read_each, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import UnreadableError, plain, token
from gatekeeper.signals.site import Site

SOURCE = "cookieyes"
NAMES = ("cookieyes-consent", "wt_consent")
PREFIXES = ()
CATEGORIES = {
    "necessary": Purpose.NECESSARY,
    "analytics": Purpose.ANALYTICS,
    "advertisement": Purpose.MARKETING,
}
OMITS_REFUSALS = False

_SWITCH = {"yes": True, "no": False}
_NO_CATEGORIES = ("consentid", "consent", "action")


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    values = [value for found in cookies.values() for value in found]
    return read_each(SOURCE, values, lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    pairs = [entry.partition(":")[::2] for entry in plain(value).split(",")]
    fields = dict(pairs)
    if "action" not in fields:
        raise UnreadableError("no CookieYes fields")
    evidence = token(fields.get("consentid"))
    if fields["action"] != "yes":
        yield undecided(SOURCE, "banner not answered", evidence=evidence)
        return
    spoken = both((name, _SWITCH.get(word)) for name, word in pairs if name not in _NO_CATEGORIES)
    yield decided(SOURCE, spoken, site, evidence=evidence)
