"""Pandectes (an app for Shopify): `_pandectes_gdpr`, base64 of JSON with `status` and `preferences`.

`status` is `allow` or `deny`, for everything, or another word for a mixture. `preferences` is then a bit per
refused category: 1 functionality, 2 performance, 4 targeting. That field is known from observed values only,
so a mixture can refuse, not grant.
Source: https://pandectes.io/ ; observed values
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Role, Signal, Standing
from gatekeeper.signals.answers import ALL_GRANTED, decided, read_each, refused_altogether, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import base64_json, token, when
from gatekeeper.signals.site import Site

SOURCE = "pandectes"
NAMES = ("_pandectes_gdpr",)
PREFIXES = ()
CATEGORIES = {"performance": Purpose.ANALYTICS, "targeting": Purpose.MARKETING}
OMITS_REFUSALS = False

_BITS = {"functionality": 1, "performance": 2, "targeting": 4}


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    return read_each(SOURCE, cookies["_pandectes_gdpr"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    found = base64_json(value)
    at, evidence = when(found.get("timestamp")), token(found.get("id"))
    status, bits = found.get("status"), found.get("preferences")
    if status == "deny":
        yield refused_altogether(SOURCE, at=at, evidence=evidence)
    elif status == "allow" and bits in (0, None):
        note = "choice for everything at once"
        yield Signal(SOURCE, Role.CHOICE, Standing.DECIDED, ALL_GRANTED, at=at, evidence=evidence, note=note)
    elif isinstance(bits, int) and not isinstance(bits, bool):
        spoken = {name: not bits & bit for name, bit in _BITS.items()}
        yield decided(SOURCE, spoken, site, at=at, evidence=evidence, automatic=True)
    else:
        yield undecided(SOURCE, "banner not answered", at=at, evidence=evidence)
