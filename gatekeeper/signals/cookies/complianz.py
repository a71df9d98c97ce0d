"""Complianz: one cookie per category, `cmplz_statistics=allow|deny` (the prefix can be configured).

The main site of a WordPress network writes `cmplz_rt_statistics` and so on. A category cookie is there iff
it was answered. Anonymous statistics are a category of their own and are not mapped. Single services are in
`cmplz_consented_services`, JSON of booleans.
Source: https://github.com/Really-Simple-Plugins/complianz-gdpr `cookiebanner/js/complianz.js`,
`get_cookie_prefix()`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import by_category, label, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.site import Site

SOURCE = "complianz"
NAMES = ()
PREFIXES = ("cmplz_rt_", "cmplz_")
CATEGORIES = {
    "functional": Purpose.NECESSARY,
    "statistics": Purpose.ANALYTICS,
    "marketing": Purpose.MARKETING,
}
OMITS_REFUSALS = False

_KNOWN = ("functional", "preferences", "statistics", "statistics-anonymous", "marketing")
_SERVICES = "consented_services"


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice out of all the cookies; of a category that is there twice the refusal counts."""
    found = _named(cookies, site)
    notice = label(next(iter(found.get("policy_id", ())), None))
    signals = by_category(SOURCE, found, site, known=_KNOWN, services=_SERVICES, notice=notice)
    return signals or (undecided(SOURCE, "banner not answered", notice=notice),)


def _named(cookies: Cookies, site: Site) -> Mapping[str, Sequence[str]]:
    """The cookies by what follows the prefix; the site's map may know one by its longer name."""
    found: dict[str, list[str]] = {}
    for name, values in cookies.items():
        longer = name.removeprefix("cmplz_")
        rest = longer if longer in site.categories else longer.removeprefix("rt_")
        found.setdefault(rest, []).extend(values)
    return found
