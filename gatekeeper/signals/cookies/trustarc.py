"""TrustArc: `notice_gdpr_prefs=0,1,2:`, `notice_preferences=2:`, `cmapi_cookie_privacy=permit 1,2,3`.

The levels are the site's: 0 is required, what 1 and 2 are for only the site can say, so a map is needed.
The first cookie lists the allowed levels, the second the highest, the third each level plus one; where
they disagree only what all allow counts. `notice_behavior` alone, or a suffix `implied`, is no choice.
Source: observed values; https://github.com/ryanbr/consent-rr (notes)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import Site, decided, opaque, undecided, unreadable
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import ForeignError, UnreadableError, plain

SOURCE = "trustarc"
NAMES = ("notice_gdpr_prefs", "notice_preferences", "cmapi_cookie_privacy", "notice_behavior")
PREFIXES = ()
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = True

_LEVELS = re.compile(r"([0-9](?:[,|][0-9]){0,9}):(.*)")
_HIGHEST = re.compile(r"([0-9]):(.*)")
_PERMIT = re.compile(r"permit ([0-9](?:[,|][0-9]){0,9})(?: required)?")


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice out of all the cookies."""
    try:
        found = list(_allowed(cookies))
    except UnreadableError as why:
        return (unreadable(SOURCE, why),)
    if not found:
        return (undecided(SOURCE, "banner not answered"),)
    if any(implied for _levels, implied in found):
        return (undecided(SOURCE, "levels implied by the region, not chosen"),)
    if not site.categories:
        return (opaque(SOURCE, f"[consent.{SOURCE}] has to map the levels"),)
    allowed = frozenset.intersection(*(levels for levels, _implied in found))
    return (decided(SOURCE, {name: name in allowed for name in site.categories}, site),)


def _allowed(cookies: Cookies) -> Iterator[tuple[frozenset[str], bool]]:
    """Per cookie the allowed levels, and whether they were only implied."""
    for value in cookies.get("notice_gdpr_prefs", ()):
        match = _match(_LEVELS, value)
        yield frozenset(re.split("[,|]", match[1])), "implied" in match[2]
    for value in cookies.get("notice_preferences", ()):
        match = _match(_HIGHEST, value, ForeignError)  # a name that others use as well
        yield frozenset(str(level) for level in range(int(match[1]) + 1)), "implied" in match[2]
    for value in cookies.get("cmapi_cookie_privacy", ()):
        match = _match(_PERMIT, value)
        yield frozenset(str(int(level) - 1) for level in re.split("[,|]", match[1])), False


def _match(form: re.Pattern[str], value: str, otherwise: type[UnreadableError] = UnreadableError) -> re.Match[str]:
    match = form.fullmatch(plain(value))
    if match is None:
        raise otherwise("no TrustArc levels")
    return match
