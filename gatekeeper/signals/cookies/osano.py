"""Osano: `osano_consentmanager`, encrypted; on the server only a plain JSON variant can be read.

The usual value is opaque: the site has to forward `Osano.cm.getConsent()` from the browser as the event's
consent.
Source: https://docs.osano.com/hc/en-us/articles/22469433444372 ; consent-rr `src/osano`; plain variant:
reader code only.
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import decided, opaque, opt_out, read_each
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import json_object, mapping, plain, when
from gatekeeper.signals.site import Site

SOURCE = "osano"
NAMES = ("osano_consentmanager",)
PREFIXES = ()
CATEGORIES = {
    "ESSENTIAL": Purpose.NECESSARY,
    "ANALYTICS": Purpose.ANALYTICS,
    "MARKETING": Purpose.MARKETING,
}
OMITS_REFUSALS = False


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie, plus the opt-out of sale."""
    return read_each(SOURCE, cookies["osano_consentmanager"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    text = plain(value)
    if not text.startswith("{"):
        yield opaque(SOURCE, "encrypted: forward the choice from the browser")
        return
    found = json_object(text)
    categories = mapping(found.get("consent"))
    if categories.get("OPT_OUT") == "ACCEPT":
        yield opt_out(SOURCE, "opted out of sale")
    spoken = {name: answer == "ACCEPT" for name, answer in categories.items() if name != "OPT_OUT"}
    yield decided(SOURCE, spoken, site, at=when(found.get("consentTimestamp")))
