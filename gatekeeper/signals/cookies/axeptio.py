"""Axeptio: `axeptio_cookies` (JSON), or the list `axeptio_authorized_vendors`.

`$$completed: true` is a choice. Keys are vendors, which only the site can map. The list is read where the
JSON cookie is missing: authorized vendors were accepted, all others of the site refused.
Source: https://support.axeptio.eu/hc/en-gb/articles/4407102417041 ; observed values
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import decided, label, listed, read_each, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import UnreadableError, json_object, plain, token, when
from gatekeeper.signals.site import Site

SOURCE = "axeptio"
NAMES = ("axeptio_cookies", "axeptio_authorized_vendors")
PREFIXES = ()
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = False


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per `axeptio_cookies`, or per list where there is none."""
    if "axeptio_cookies" in cookies:
        return read_each(SOURCE, cookies["axeptio_cookies"], lambda value: _signals(value, site))
    authorized = cookies.get("axeptio_authorized_vendors", ())
    return read_each(SOURCE, authorized, lambda value: _from_list(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    found = json_object(value)
    version = found.get("$$cookiesVersion")
    notice = label(version.get("identifier")) if isinstance(version, dict) else None
    at, evidence = when(found.get("$$date")), token(found.get("$$token"))
    if found.get("$$completed") is not True:
        yield undecided(SOURCE, "banner not answered", at=at, evidence=evidence, notice=notice)
        return
    spoken = {name: allowed is True for name, allowed in found.items() if not name.startswith("$$")}
    yield decided(SOURCE, spoken, site, at=at, evidence=evidence, notice=notice, current=site.is_current(notice))


def _from_list(value: str, site: Site) -> Iterator[Signal]:
    accepted = _names(value)
    yield listed(SOURCE, accepted, site, CATEGORIES, services=accepted)


def _names(value: str) -> frozenset[str]:
    """`,ga,criteo,`; two commas where no vendor is accepted."""
    text = plain(value)
    if not text.startswith(",") or not text.endswith(","):
        raise UnreadableError("no list of vendors")
    return frozenset(name for name in text.split(",") if name)
