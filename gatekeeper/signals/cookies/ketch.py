"""Ketch: `_ketch_consent_v1_`, base64 of JSON; each purpose has a `status` of `granted` or `denied`.

Purpose names are the site's; `canonicalPurposes` beside them are Ketch's own and are mapped by default.
Source: https://docs.ketch.com/ketch/docs/consent-cookies ; consent-rr `src/ketch`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import Site, both, decided, read_each
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import base64_json, mapping, strings

SOURCE = "ketch"
NAMES = ("_ketch_consent_v1_",)
PREFIXES = ()
CATEGORIES = {
    "essential_services": Purpose.NECESSARY,
    "analytics": Purpose.ANALYTICS,
    "behavioral_advertising": Purpose.MARKETING,
}
OMITS_REFUSALS = False

_SWITCH = {"granted": True, "denied": False}


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    return read_each(SOURCE, cookies["_ketch_consent_v1_"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    yield decided(SOURCE, both(_spoken(base64_json(value))), site)


def _spoken(purposes: Mapping[str, object]) -> Iterator[tuple[str, bool | None]]:
    for name, purpose in purposes.items():
        found = mapping(purpose)
        status = found.get("status")
        allowed = _SWITCH.get(status) if isinstance(status, str) else None
        yield name, allowed
        for canonical in strings(found.get("canonicalPurposes", [])):
            yield canonical, allowed
