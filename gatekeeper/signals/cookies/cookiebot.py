"""Cookiebot: `CookieConsent`, an object in JavaScript notation with bare keys, partly percent-encoded.

Only `method:'explicit'` is a choice; `implied`, a missing method and the stamps `0` and `-1` are the
platform's own doing, and the whole value `-1` means that the region asks for no consent. An embedded TC
string (`iab2`) is read too. Other software uses the same cookie name: whatever does not begin with a
brace and a bare key, or has neither stamp nor method, is foreign.
Source: https://www.cookiebot.com/en/developer/ ; https://github.com/ryanbr/consent-rr `src/cookiebot`
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals import tcf
from gatekeeper.signals.answers import both, decided, read_each, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import ForeignError, UnreadableError, plain, when
from gatekeeper.signals.site import Site

SOURCE = "cookiebot"
NAMES = ("CookieConsent",)
PREFIXES = ()
CATEGORIES = {
    "necessary": Purpose.NECESSARY,
    "statistics": Purpose.ANALYTICS,
    "marketing": Purpose.MARKETING,
}
OMITS_REFUSALS = False

_ENTRY = re.compile(r"([A-Za-z0-9_]+):(?:'([^']*)'|([^,'}]*))(?:,|$)")
_SWITCH = {"true": True, "false": False}
_NOT_ASKED = ("0", "-1")


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie, plus the TC string inside it."""
    return read_each(SOURCE, cookies["CookieConsent"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    text = plain(value)
    if text in _NOT_ASKED:
        yield undecided(SOURCE, "the platform did not ask in this region")
        return
    if not text.startswith("{") or text.startswith('{"'):
        raise ForeignError("not written by Cookiebot")
    fields = _fields(text)
    at = when(fields.get("utc"))
    notice = fields.get("ver")
    if fields.get("iab2"):
        yield tcf.read(fields["iab2"], site.tcf, source=SOURCE)
    if fields.get("method") != "explicit" or fields.get("stamp") in (None, "", *_NOT_ASKED):
        yield undecided(SOURCE, "not an explicit choice", at=at, notice=notice)
        return
    spoken = both((name, _SWITCH[word]) for name, word in fields.items() if word in _SWITCH)
    yield decided(SOURCE, spoken, site, at=at, notice=notice, current=site.is_current(notice))


def _fields(text: str) -> dict[str, str]:
    if not text.endswith("}"):
        raise UnreadableError("truncated")
    body, at, fields = text[1:-1], 0, dict[str, str]()
    while at < len(body):
        entry = _ENTRY.match(body, at)
        if entry is None or entry[1] in fields:
            raise UnreadableError("no JavaScript object of flat fields")
        fields[entry[1]] = entry[2] if entry[2] is not None else entry[3]
        at = entry.end()
    if "stamp" not in fields and "method" not in fields:
        raise ForeignError("not written by Cookiebot")
    return fields
