"""GDPR Cookie Compliance (Moove): `moove_gdpr_popup`, JSON of `strict`, `thirdparty`, `advanced`: "1" or "0".

The cookie is written with the answer. What the last two are for, only the site can say.
Source: https://wordpress.org/plugins/gdpr-cookie-compliance/ ; observed values
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import decided, read_each
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import json_object
from gatekeeper.signals.site import Site

SOURCE = "moove-gdpr"
NAMES = ("moove_gdpr_popup",)
PREFIXES = ()
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = False

_SWITCH = {"1": True, "0": False}


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    return read_each(SOURCE, cookies["moove_gdpr_popup"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    found = json_object(value)
    spoken = {name: _SWITCH.get(flag) if isinstance(flag, str) else None for name, flag in found.items()}
    yield decided(SOURCE, spoken, site)
