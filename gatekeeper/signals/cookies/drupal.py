"""EU Cookie Compliance of Drupal: `cookie-agreed`, with `cookie-agreed-categories` where it asks by category.

2 or 1: agreed (2 after the thanks were shown), 0: declined. The categories are a JSON list of the accepted ones,
encoded. The name is a common one: another value is foreign. `cookie-agreed-version` is the notice's version.
Source: https://www.drupal.org/project/eu_cookie_compliance `js/eu_cookie_compliance.js`; observed values
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gatekeeper.model import Purpose, Role, Signal, Standing
from gatekeeper.signals.answers import (
    ALL_GRANTED,
    OUTDATED,
    label,
    listed,
    read_each,
    refused_altogether,
    undecided,
    without_grants,
)
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import ForeignError, json_array, strings, word
from gatekeeper.signals.site import Site

SOURCE = "drupal"
NAMES = ("cookie-agreed", "cookie-agreed-categories", "cookie-agreed-version")
PREFIXES = ()
CATEGORIES = {
    "necessary": Purpose.NECESSARY,
    "analytics": Purpose.ANALYTICS,
    "statistics": Purpose.ANALYTICS,
    "marketing": Purpose.MARKETING,
}
OMITS_REFUSALS = True

_AGREED, _DECLINED = ("1", "2"), "0"


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per answer, narrowed by the categories."""
    notice = label(next(iter(cookies.get("cookie-agreed-version", ())), None))
    categories = cookies.get("cookie-agreed-categories", ())
    if "cookie-agreed" not in cookies:
        return (undecided(SOURCE, "banner not answered", notice=notice),)
    return read_each(SOURCE, cookies["cookie-agreed"], lambda value: _signals(value, categories, notice, site))


def _signals(value: str, categories: Sequence[str], notice: str | None, site: Site) -> Iterator[Signal]:
    answer = word(value)
    if answer == _DECLINED:
        yield refused_altogether(SOURCE, notice=notice)
    elif answer not in _AGREED:
        raise ForeignError("not written by EU Cookie Compliance")
    elif not categories:
        signal = Signal(
            SOURCE, Role.CHOICE, Standing.DECIDED, ALL_GRANTED, notice=notice, note="choice for everything at once"
        )
        yield signal if site.is_current(notice) else without_grants(signal, OUTDATED)
    for text in categories if answer in _AGREED else ():
        yield listed(
            SOURCE, strings(json_array(text)), site, CATEGORIES, notice=notice, current=site.is_current(notice)
        )
