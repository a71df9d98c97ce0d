"""Didomi: `didomi_token`, base64 of JSON with the purposes that were enabled and disabled.

A token without `purposes` is written on the first view: no choice. Purpose ids are the site's own, except
the vocabulary below; with the TCF switched on the IAB purposes are in `euconsent-v2` only (see `tcf`).
Source: https://developers.didomi.io/cmp/web-sdk/consent-notice/cookies ; consent-rr `src/didomi`
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import both, decided, read_each, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import base64_json, mapping, strings, token, when
from gatekeeper.signals.site import Site

SOURCE = "didomi"
NAMES = ("didomi_token",)
PREFIXES = ()
CATEGORIES = {
    "cookies": Purpose.NECESSARY,
    "measure_content_performance": Purpose.ANALYTICS,
    "market_research": Purpose.ANALYTICS,
    "improve_products": Purpose.ANALYTICS,
    "create_ads_profile": Purpose.MARKETING,
    "select_basic_ads": Purpose.MARKETING,
    "select_personalized_ads": Purpose.MARKETING,
    "measure_ad_performance": Purpose.MARKETING,
}
OMITS_REFUSALS = False


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per token."""
    return read_each(SOURCE, cookies["didomi_token"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    found = base64_json(value)
    at, evidence = when(found.get("updated")), token(found.get("user_id"))
    if found.get("purposes") is None:
        yield undecided(SOURCE, "banner not answered", at=at, evidence=evidence)
        return
    purposes = mapping(found["purposes"])
    enabled = [(name, True) for name in strings(purposes.get("enabled", []))]
    disabled = [(name, False) for name in strings(purposes.get("disabled", []))]
    yield decided(SOURCE, both([*enabled, *disabled]), site, at=at, evidence=evidence)
