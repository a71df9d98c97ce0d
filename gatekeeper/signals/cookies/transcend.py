"""Transcend: cookie `tcm`, raw JSON; `purposes` holds booleans, or `"Auto"` for what the region decided.

`confirmed: true` is a choice. `SaleOfInfo: false`, or another purpose of sale or sharing, is an opt-out of sale.
Source: https://docs.transcend.io/docs/articles/consent-management/reference/api ; consent-rr
`src/transcend`
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import decided, is_sale, opt_out, read_each, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import ForeignError, json_object, mapping, when
from gatekeeper.signals.site import Site

SOURCE = "transcend"
NAMES = ("tcm",)
PREFIXES = ()
CATEGORIES = {
    "Essential": Purpose.NECESSARY,
    "Analytics": Purpose.ANALYTICS,
    "Advertising": Purpose.MARKETING,
}
OMITS_REFUSALS = False


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie, plus the opt-out of sale."""
    return read_each(SOURCE, cookies["tcm"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    found = json_object(value)
    if "purposes" not in found:
        raise ForeignError("not written by Transcend")
    purposes = mapping(found["purposes"])
    at = when(found.get("timestamp"))
    if any(is_sale(name) and allowed is False for name, allowed in purposes.items()):
        yield opt_out(SOURCE, "opted out of sale")
    if found.get("confirmed") is not True:
        yield undecided(SOURCE, "not confirmed by the visitor", at=at)
        return
    spoken = {name: allowed if isinstance(allowed, bool) else None for name, allowed in purposes.items()}
    yield decided(SOURCE, spoken, site, at=at)
