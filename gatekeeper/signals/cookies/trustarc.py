"""TrustArc: `notice_gdpr_prefs=0,1,2:`, `notice_preferences=2:`, `cmapi_cookie_privacy=permit 1,2,3`.

The levels are the site's: 0 is required, what 1 and 2 are for only the site can say, so a map is needed.
The first cookie lists the allowed levels, the second the highest, the third each level plus one; where
they disagree only what all allow counts. Where the region implies consent (`implied` behind the levels or in
`notice_behavior`) all levels are on until the visitor takes one away: such a record can refuse, not grant.
`gpcishonored=true` is GPC as the platform saw it. `notice_behavior` alone is no choice. Servers write blanks as
`+` or `_` and commas as `|`.
Source: observed values; https://github.com/ryanbr/consent-rr (notes)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.model.reasons import GPC
from gatekeeper.signals.answers import listed, opt_out, undecided, unreadable
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import ForeignError, UnreadableError, plain
from gatekeeper.signals.site import Site

SOURCE = "trustarc"
NAMES = ("notice_gdpr_prefs", "notice_preferences", "cmapi_cookie_privacy", "notice_behavior", "gpcishonored")
PREFIXES = ()
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = True

_LEVELS = re.compile(r"([0-9](?:[,|_][0-9]){0,9}):(.*)")
_HIGHEST = re.compile(r"([0-9]):(.*)")
_PERMIT = re.compile(r"permit[ +_]([0-9](?:[,|_][0-9]){0,9})(?:[ +_]required)?")
_SEPARATOR = re.compile("[,|_]")
_REQUIRED = "0"
_IMPLIED = "implied"


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice out of all the cookies, and GPC as the platform saw it."""
    signals: tuple[Signal, ...] = ()
    if "true" in cookies.get("gpcishonored", ()):
        signals = (opt_out(SOURCE, "GPC recorded by the platform", GPC),)
    try:
        found = list(_allowed(cookies))
        behaviours = [plain(value) for value in cookies.get("notice_behavior", ())]
    except UnreadableError as why:
        return (*signals, unreadable(SOURCE, why))
    if not found:
        return (*signals, undecided(SOURCE, "banner not answered"))
    implied = any(implied for _levels, implied in found) or any(_IMPLIED in value for value in behaviours)
    allowed = frozenset.intersection(*(levels for levels, _implied in found)) - {_REQUIRED}
    if implied and allowed and not site.categories:
        return (*signals, undecided(SOURCE, "levels implied by the region, not chosen"))
    return (*signals, listed(SOURCE, sorted(allowed), site, CATEGORIES, automatic=implied))


def _allowed(cookies: Cookies) -> Iterator[tuple[frozenset[str], bool]]:
    """Per cookie the allowed levels, and whether they were only implied."""
    for value in cookies.get("notice_gdpr_prefs", ()):
        match = _match(_LEVELS, value)
        yield frozenset(_SEPARATOR.split(match[1])), _IMPLIED in match[2]
    for value in cookies.get("notice_preferences", ()):
        match = _match(_HIGHEST, value, ForeignError)  # a name that others use as well
        yield frozenset(str(level) for level in range(int(match[1]) + 1)), _IMPLIED in match[2]
    for value in cookies.get("cmapi_cookie_privacy", ()):
        match = _match(_PERMIT, value)
        yield frozenset(str(int(level) - 1) for level in _SEPARATOR.split(match[1])), False


def _match(form: re.Pattern[str], value: str, otherwise: type[UnreadableError] = UnreadableError) -> re.Match[str]:
    match = form.fullmatch(plain(value))
    if match is None:
        raise otherwise("no TrustArc levels")
    return match
