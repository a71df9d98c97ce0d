"""Fides: `fides_consent`, JSON (encoded, or base64 if so configured); `consent` has a boolean per notice.

An empty `fides_meta.updatedAt` means no choice; a banner that was only dismissed, or a record made for
GPC, cannot grant. Notice names are the site's; `data_sales_and_sharing` at false is an opt-out of sale.
Source: https://github.com/ethyca/fides `clients/fides-js/src/lib/cookie.ts`, `consent-types.ts`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import Site, decided, label, opaque, opt_out, read_each, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import ForeignError, base64_json, json_object, mapping, token, when

SOURCE = "fides"
NAMES = ("fides_consent",)
PREFIXES = ()
CATEGORIES = {
    "essential": Purpose.NECESSARY,
    "analytics": Purpose.ANALYTICS,
    "advertising": Purpose.MARKETING,
    "marketing": Purpose.MARKETING,
}
OMITS_REFUSALS = False

_SALE = "data_sales_and_sharing"
_NOT_BY_THE_VISITOR = ("dismiss", "gpc")


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie, plus the opt-out of sale."""
    return read_each(SOURCE, cookies["fides_consent"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    if value.startswith("gzip:"):
        yield opaque(SOURCE, "compressed: switch the compression of the cookie off")
        return
    found = _object(value)
    notices = mapping(found.get("consent"))
    meta, identity = mapping(found.get("fides_meta", {})), mapping(found.get("identity", {}))
    at, evidence = when(meta.get("updatedAt")), token(identity.get("fides_user_device_id"))
    if notices.get(_SALE) is False and at is not None:
        yield opt_out(SOURCE, "opted out of sale or sharing")
    if at is None:
        yield undecided(SOURCE, "banner not answered", evidence=evidence)
        return
    spoken = {name: allowed is True for name, allowed in notices.items() if name != _SALE}
    chosen = meta.get("consentMethod") not in _NOT_BY_THE_VISITOR
    notice = label(meta.get("version"))
    yield decided(SOURCE, spoken, site, at=at, evidence=evidence, notice=notice, current=chosen)


def _object(value: str) -> Mapping[str, object]:
    try:
        return json_object(value)
    except ForeignError:
        return base64_json(value)
