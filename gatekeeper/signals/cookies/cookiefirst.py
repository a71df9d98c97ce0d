"""CookieFirst: `cookiefirst-consent`, encoded JSON with a boolean per category.

The cookie is written with the answer. `timestamp` is seconds or ISO.
Source: https://docs.cookiefirst.com/ ; observed values
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import decided, label, read_each
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import json_object, when
from gatekeeper.signals.site import Site

SOURCE = "cookiefirst"
NAMES = ("cookiefirst-consent",)
PREFIXES = ()
CATEGORIES = {
    "necessary": Purpose.NECESSARY,
    "performance": Purpose.ANALYTICS,
    "advertising": Purpose.MARKETING,
}
OMITS_REFUSALS = False

_NO_CATEGORIES = ("timestamp", "type", "version")


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    return read_each(SOURCE, cookies["cookiefirst-consent"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    found = json_object(value)
    spoken = {name: allowed is True for name, allowed in found.items() if name not in _NO_CATEGORIES}
    notice = label(found.get("version"))
    current = site.is_current(notice)
    yield decided(SOURCE, spoken, site, at=when(found.get("timestamp")), notice=notice, current=current)
