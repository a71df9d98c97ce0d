"""CookieScript: `CookieScriptConsent`, JSON, encoded; `categories` lists accepted ones, as JSON within JSON.

`action` is the answer; without it the banner was only shown. Refused categories are left out. The old form has
no `categories` at all: its answer is for everything.
Source: https://support.cookie-script.com/ ; consent-rr `src/cookiescript`
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Role, Signal, Standing
from gatekeeper.signals.answers import ALL_GRANTED, listed, read_each, refused_altogether, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import json_array, json_object, strings, token, when
from gatekeeper.signals.site import Site

SOURCE = "cookiescript"
NAMES = ("CookieScriptConsent",)
PREFIXES = ()
CATEGORIES = {
    "strict": Purpose.NECESSARY,
    "performance": Purpose.ANALYTICS,
    "targeting": Purpose.MARKETING,
}
OMITS_REFUSALS = True

_ANSWERS = ("accept", "reject")


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    return read_each(SOURCE, cookies["CookieScriptConsent"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    found = json_object(value)
    at, evidence = when(found.get("consenttime")), token(found.get("key"))
    if found.get("action") not in _ANSWERS:
        yield undecided(SOURCE, "banner not answered", at=at, evidence=evidence)
        return
    if found["action"] == "reject":
        yield refused_altogether(SOURCE, at=at, evidence=evidence)
    elif "categories" not in found:
        note = "choice for everything at once"
        yield Signal(SOURCE, Role.CHOICE, Standing.DECIDED, ALL_GRANTED, at=at, evidence=evidence, note=note)
    else:
        yield listed(SOURCE, _categories(found["categories"]), site, CATEGORIES, at=at, evidence=evidence)


def _categories(value: object) -> tuple[str, ...]:
    return strings(json_array(value) if isinstance(value, str) else value)
