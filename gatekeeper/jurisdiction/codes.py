"""Country and subdivision codes. Pure. Text from anywhere in, checked ISO codes or `None` out.

Sources of codes write them in many ways: `us`, `US-CA`, Google's `USCA`, `UK` for `GB`, `EL` for `GR`, and
codes that are no country at all: `XX` and `ZZ` for unknown, `EU` and `AP` for a continent, `T1` for Tor
(https://developers.cloudflare.com/fundamentals/reference/http-headers/), `A1` and `A2` in old MaxMind data.
"""

from __future__ import annotations

import re

import iso3166

# XK (Kosovo) is user-assigned in ISO 3166-1, but every location source uses it.
COUNTRIES = frozenset(iso3166.countries_by_alpha2) | {"XK"}
ANONYMISED = frozenset({"T1", "A1", "A2"})

# european-union.europa.eu, 2026-11
_EU = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE"
GROUPS = {"EU": frozenset(_EU.split()), "EEA": frozenset([*_EU.split(), "IS", "LI", "NO"])}
"""What a policy may write for many countries: the members of the European Union, and of the EEA (efta.int, 2026-11)."""

_SYNONYMS = {"UK": "GB", "EL": "GR"}
_REGION = re.compile(r"[A-Z0-9]{1,3}")


def country_code(text: str | None) -> str | None:
    """The ISO 3166-1 alpha-2 code that `text` means, or `None` for everything that is no country."""
    if text is None or len(text) > 16:
        return None
    code = text.strip().upper()
    code = _SYNONYMS.get(code, code)
    return code if code in COUNTRIES else None


def region_code(text: str | None, country: str | None) -> str | None:
    """The part of ISO 3166-2 after the dash, or `None`.

    Takes `CA`, `ca`, `US-CA` and `USCA`; a prefix that contradicts `country` makes the region unknown.
    """
    if text is None or country is None or len(text) > 16:
        return None
    code = text.strip().upper()
    if "-" in code:
        prefix, code = code.split("-", 1)
        if _SYNONYMS.get(prefix, prefix) != country:
            return None
    elif len(code) > 3 and code.startswith(country):
        code = code[2:]
    return code if _REGION.fullmatch(code) else None


def is_anonymised(text: str | None) -> bool:
    """Whether a country code says that the visitor hides behind Tor, a proxy or a satellite link."""
    return text is not None and text.strip().upper() in ANONYMISED
