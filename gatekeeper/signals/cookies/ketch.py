"""Ketch: `_ketch_consent_v1_`, base64 of JSON with a status per purpose, and `_swb_consent_` with its source.

A purpose is `{"status": "granted"}` or `"granted"` alone. Both cookies are also written on the first view with
the region's defaults: only a `context.source` in `_swb_consent_` that is no default tells of a choice, without
one nothing is granted. Purpose names are the site's; `canonicalPurposes` beside them are Ketch's own and are
mapped by default. A purpose of sale or sharing that is denied is an opt-out of sale.
Source: https://docs.ketch.com/ketch/docs/consent-cookies ; consent-rr `src/ketch` ; observed values
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import both, decided, is_sale, opt_out, read_each
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import UnreadableError, base64_json, mapping, strings, when
from gatekeeper.signals.site import Site

SOURCE = "ketch"
NAMES = ("_ketch_consent_v1_", "_swb_consent_")
PREFIXES = ()
CATEGORIES = {
    "essential_services": Purpose.NECESSARY,
    "analytics": Purpose.ANALYTICS,
    "behavioral_advertising": Purpose.MARKETING,
}
OMITS_REFUSALS = False

_SWITCH = {"granted": True, "denied": False, "true": True, "false": False}
_DEFAULT = "default"


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie; grants only where a source says that the visitor chose."""
    records = cookies.get("_swb_consent_", ())
    chosen = bool(records) and all(_is_chosen(value) for value in records)
    public = cookies.get("_ketch_consent_v1_", ())
    signals = read_each(SOURCE, public, lambda value: _signals(base64_json(value), chosen, site))
    return signals + read_each(SOURCE, records, lambda value: _record(value, chosen, site))


def _is_chosen(value: str) -> bool:
    try:
        source = mapping(base64_json(value).get("context")).get("source")
    except UnreadableError:
        return False
    return isinstance(source, str) and source != "" and _DEFAULT not in source.lower()


def _signals(purposes: Mapping[str, object], chosen: bool, site: Site, at: float | None = None) -> Iterator[Signal]:
    spoken = both(_spoken(purposes))
    if any(is_sale(name) and allowed is False for name, allowed in spoken.items()):
        yield opt_out(SOURCE, "opted out of sale or sharing")
    yield decided(SOURCE, spoken, site, at=at, automatic=not chosen)


def _record(value: str, chosen: bool, site: Site) -> Iterator[Signal]:
    found = base64_json(value)
    if "purposes" in found:
        yield from _signals(mapping(found["purposes"]), chosen, site, when(found.get("collectedAt")))


def _spoken(purposes: Mapping[str, object]) -> Iterator[tuple[str, bool | None]]:
    for name, purpose in purposes.items():
        found = purpose if isinstance(purpose, dict) else {"status": purpose}
        allowed = _answer(found.get("status", found.get("allowed")))
        yield name, allowed
        for canonical in strings(found.get("canonicalPurposes", [])):
            yield canonical, allowed


def _answer(status: object) -> bool | None:
    if isinstance(status, bool):
        return status
    return _SWITCH.get(status) if isinstance(status, str) else None
