"""Piwik PRO: `ppms_privacy_<site id>`, JSON; `consents.<name>.status`: -1 undecided, 0 refused, 1 consented.

All -1: no choice yet.
Source: https://developers.piwik.pro/en/latest/consent_management/ ; observed values
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import Site, decided, read_each, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import json_object, mapping

SOURCE = "piwikpro"
NAMES = ()
PREFIXES = ("ppms_privacy_",)
CATEGORIES = {"analytics": Purpose.ANALYTICS, "remarketing": Purpose.MARKETING}
OMITS_REFUSALS = False


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    values = [value for found in cookies.values() for value in found]
    return read_each(SOURCE, values, lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    consents = mapping(json_object(value).get("consents"))
    spoken = {name: _status(mapping(consent).get("status")) for name, consent in consents.items()}
    if all(answer is None for answer in spoken.values()):
        yield undecided(SOURCE, "banner not answered")
    else:
        yield decided(SOURCE, spoken, site)


def _status(value: object) -> bool | None:
    if isinstance(value, bool) or not isinstance(value, int) or value == -1:
        return None
    return value == 1
