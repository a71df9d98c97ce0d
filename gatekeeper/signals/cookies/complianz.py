"""Complianz: one cookie per category, `cmplz_statistics=allow|deny` (the prefix can be configured).

A category cookie is there iff it was answered. Anonymous statistics are a category of their own and are
not mapped.
Source: https://github.com/Really-Simple-Plugins/complianz-gdpr `cookiebanner/js/complianz.js`
"""

from __future__ import annotations

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import Site, both, decided, label, undecided, unreadable
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import UnreadableError

SOURCE = "complianz"
NAMES = ()
PREFIXES = ("cmplz_",)
CATEGORIES = {
    "functional": Purpose.NECESSARY,
    "statistics": Purpose.ANALYTICS,
    "marketing": Purpose.MARKETING,
}
OMITS_REFUSALS = False

_SWITCH = {"allow": True, "deny": False}
_KNOWN = ("functional", "preferences", "statistics", "statistics-anonymous", "marketing")


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice out of all the cookies; of a category that is there twice the refusal counts."""
    found = {name.removeprefix(PREFIXES[0]): values for name, values in cookies.items()}
    answers = {name: values for name, values in found.items() if name in _KNOWN or name in site.categories}
    notice = label(next(iter(found.get("policy_id", ())), None))
    if any(value not in _SWITCH for values in answers.values() for value in values):
        return (unreadable(SOURCE, UnreadableError("neither allow nor deny")),)
    if not answers:
        return (undecided(SOURCE, "banner not answered", notice=notice),)
    spoken = both((name, _SWITCH[value]) for name, values in answers.items() for value in values)
    return (decided(SOURCE, spoken, site, notice=notice, current=site.is_current(notice)),)
