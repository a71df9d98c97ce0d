"""Wix: `consent-policy`, encoded JSON: `func`, `anl`, `adv`, `dt3` as 1 or 0, and `ts` in minutes since 1970.

The cookie is written with the answer. `dt3` at 0 (data to third parties) is an opt-out of sale. The name is a
common one: JSON without these fields is foreign.
Source: https://dev.wix.com/docs/sdk/frontend-modules/site-window/consent-policy (names of the policy's parts);
observed values
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import decided, opt_out, read_each
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import ForeignError, json_object, when
from gatekeeper.signals.site import Site

SOURCE = "wix"
NAMES = ("consent-policy",)
PREFIXES = ()
CATEGORIES = {"ess": Purpose.NECESSARY, "anl": Purpose.ANALYTICS, "adv": Purpose.MARKETING}
OMITS_REFUSALS = False

_PARTS = ("ess", "func", "anl", "adv")
_SALE = "dt3"


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie, plus the opt-out of sale."""
    return read_each(SOURCE, cookies["consent-policy"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    found = json_object(value)
    if found.keys().isdisjoint(_PARTS):
        raise ForeignError("not written by Wix")
    minutes = found.get("ts")
    at = when(minutes * 60) if isinstance(minutes, int) and not isinstance(minutes, bool) else None
    if _SALE in found and not _is_on(found[_SALE]):
        yield opt_out(SOURCE, "opted out of sale")
    yield decided(SOURCE, {name: _is_on(found[name]) for name in _PARTS if name in found}, site, at=at)


def _is_on(value: object) -> bool:
    return value is True or value == 1
