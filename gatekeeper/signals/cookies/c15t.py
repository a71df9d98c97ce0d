"""c15t: cookie `c15t`, comma-separated `c.<category>:1` and `i.<information>:<value>`.

Written with the answer, whose time is `i.t`; refused categories are left out (older releases write 0).
Source: https://github.com/c15t/c15t `packages/core/src/libs/cookie`
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import decided, of_accepted, read_each
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import UnreadableError, plain, token, when
from gatekeeper.signals.site import Site

SOURCE = "c15t"
NAMES = ("c15t",)
PREFIXES = ()
CATEGORIES = {
    "necessary": Purpose.NECESSARY,
    "measurement": Purpose.ANALYTICS,
    "marketing": Purpose.MARKETING,
}
OMITS_REFUSALS = True


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    return read_each(SOURCE, cookies["c15t"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    pairs = [entry.partition(":")[::2] for entry in plain(value).split(",")]
    fields = dict(pairs)
    at = when(fields.get("i.t"))
    if at is None:
        raise UnreadableError("no c15t fields")
    refused = {name for name, flag in pairs if flag != "1"}
    accepted = [name[2:] for name in fields if name.startswith("c.") and name not in refused]
    spoken = of_accepted(accepted, site.categories, CATEGORIES)
    yield decided(SOURCE, spoken, site, at=at, evidence=token(fields.get("i.sid")))
