"""Termly keeps its choice in localStorage, key `TERMLY_API_CACHE`; no cookie holds it.

A site whose own script copies that item into a cookie of the same name (see docs/signals.md) is read here:
`TERMLY_COOKIE_CONSENT.value` holds a boolean per category, true is consented; `do_not_sell` is an opt-out.
Source: consent-rr `src/termly/lib/termly-core.js` (notes on the shipped script)
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import decided, opt_out, read_each, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import json_object, mapping, when
from gatekeeper.signals.site import Site

SOURCE = "termly"
NAMES = ("TERMLY_API_CACHE",)
PREFIXES = ()
CATEGORIES = {
    "essential": Purpose.NECESSARY,
    "analytics": Purpose.ANALYTICS,
    "advertising": Purpose.MARKETING,
}
OMITS_REFUSALS = False

_NO_CATEGORIES = ("do_not_sell", "document_version_id")


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per copied item, plus the opt-out of sale."""
    return read_each(SOURCE, cookies["TERMLY_API_CACHE"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    entry = json_object(value).get("TERMLY_COOKIE_CONSENT")
    if entry is None:
        yield undecided(SOURCE, "banner not answered")
        return
    record = mapping(entry)
    categories = mapping(record.get("value"))
    if categories.get("do_not_sell") is True:
        yield opt_out(SOURCE, "opted out of sale")
    spoken = {name: allowed is True for name, allowed in categories.items() if name not in _NO_CATEGORIES}
    yield decided(SOURCE, spoken, site, at=when(record.get("createdAt")))
