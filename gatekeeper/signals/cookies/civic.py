"""Civic Cookie Control: `CookieControl`, JSON, raw or encoded.

`interactedWith: true` is a choice; before that the categories hold their initial states. Only `accepted` is
consent, `legitimate interest` is not.
Source: https://www.civicuk.com/cookie-control/documentation ; consent-rr `src/civic`
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import decided, label, read_each, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import ForeignError, json_object, mapping, token, when
from gatekeeper.signals.site import Site

SOURCE = "civic"
NAMES = ("CookieControl",)
PREFIXES = ()
CATEGORIES = {"analytics": Purpose.ANALYTICS, "marketing": Purpose.MARKETING}
OMITS_REFUSALS = False


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    return read_each(SOURCE, cookies["CookieControl"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    found = json_object(value)
    if "optionalCookies" not in found and "interactedWith" not in found:
        raise ForeignError("not written by Cookie Control")
    statement = found.get("statement")
    notice = label(statement.get("updated")) if isinstance(statement, dict) else None
    at, evidence = when(found.get("consentDate")), token(found.get("user"))
    categories = mapping(found.get("optionalCookies", {}))
    if found.get("interactedWith") is not True:
        yield undecided(SOURCE, "banner not answered", at=at, evidence=evidence, notice=notice)
        return
    spoken = {name: answer == "accepted" for name, answer in categories.items()}
    yield decided(SOURCE, spoken, site, at=at, evidence=evidence, notice=notice, current=site.is_current(notice))
