"""HubSpot: `__hs_cookie_cat_pref=1:true_2:false_3:true` (older: commas), or a banner without categories.

The category cookie is written with the answer: 1 analytics, 2 advertisement, 3 functionality. Without
categories `__hs_opt_out` tells: `yes` refuses, `no` accepts (known from the vendor's page and observed
values, not from code). `__hs_do_not_track=yes` refuses everything.
Source:
https://knowledge.hubspot.com/privacy-and-consent/what-cookies-does-hubspot-set-in-a-visitor-s-browser
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from gatekeeper.model import Purpose, Role, Signal, Standing
from gatekeeper.signals.answers import ALL_GRANTED, ALL_REFUSED, both, decided, read_each
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import UnreadableError, plain
from gatekeeper.signals.site import Site

SOURCE = "hubspot"
NAMES = ("__hs_cookie_cat_pref", "__hs_opt_out", "__hs_do_not_track")
PREFIXES = ()
CATEGORIES = {"1": Purpose.ANALYTICS, "2": Purpose.MARKETING}
OMITS_REFUSALS = False

_PREFERENCE = re.compile(r"([0-9]{1,3}):(true|false)")


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per category cookie, or that of the banner without categories; refusals of any of them."""
    preferences = cookies.get("__hs_cookie_cat_pref", ())
    signals = read_each(SOURCE, preferences, lambda value: _signals(value, site))
    for name in ("__hs_opt_out", "__hs_do_not_track"):
        grants = name == "__hs_opt_out" and not preferences
        signals += read_each(SOURCE, cookies.get(name, ()), partial(_switch, grants=grants))
    return signals


def _signals(value: str, site: Site) -> Iterator[Signal]:
    entries = [_PREFERENCE.fullmatch(entry) for entry in re.split("[_,]", plain(value))]
    if None in entries:
        raise UnreadableError("no HubSpot preferences")
    yield decided(SOURCE, both((entry[1], entry[2] == "true") for entry in entries if entry), site)


def _switch(value: str, grants: bool) -> Iterator[Signal]:
    if value not in ("yes", "no"):
        raise UnreadableError("neither yes nor no")
    if value == "yes":
        yield Signal(SOURCE, Role.CHOICE, Standing.DECIDED, ALL_REFUSED, note="refused altogether")
    elif grants:
        yield Signal(SOURCE, Role.CHOICE, Standing.DECIDED, ALL_GRANTED, note="choice for everything at once")
