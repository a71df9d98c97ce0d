"""Piwik PRO: `ppms_privacy_<site id>`, JSON; `consents.<name>.status`: -1 undecided, 0 refused, 1 consented.

All -1: no choice yet. `ppms_privacy_bar_<site id>` (the bar was closed) and whatever else has no `consents` is
no choice.
Source: https://developers.piwik.pro/en/latest/consent_management/ ; observed values
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import decided, read_each, sibling, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import json_object, mapping
from gatekeeper.signals.site import Site

SOURCE = "piwikpro"
NAMES = ()
PREFIXES = ("ppms_privacy_",)
CATEGORIES = {"analytics": Purpose.ANALYTICS, "remarketing": Purpose.MARKETING}
OMITS_REFUSALS = False

_BAR = "ppms_privacy_bar_"


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    values = [value for name, found in cookies.items() if not name.startswith(_BAR) for value in found]
    return read_each(SOURCE, values, lambda value: _signals(value, site)) if values else (sibling(SOURCE),)


def _signals(value: str, site: Site) -> Iterator[Signal]:
    found = json_object(value)
    if "consents" not in found:
        yield sibling(SOURCE)
        return
    consents = mapping(found["consents"])
    spoken = {name: _status(mapping(consent).get("status")) for name, consent in consents.items()}
    if all(answer is None for answer in spoken.values()):
        yield undecided(SOURCE, "banner not answered")
    else:
        yield decided(SOURCE, spoken, site)


def _status(value: object) -> bool | None:
    if isinstance(value, bool) or not isinstance(value, int) or value == -1:
        return None
    return value == 1
