"""consentmanager: `__cmpconsent…` holds a TC string, `__cmpcpc…` accepted purposes, `__cmpcvc…` accepted vendors.

The name goes on with a letter for the scope (`x`, `s`, `u` or none) and the site's id. Lists look like
`__51_52__`, and `____` is an empty one. The purposes are the site's and need a map; refused ones are left
out. A site without the TCF has a string of its own beginning with `B` where others have the TC string: the
lists beside it are the choice, and only without them it is read. `__cmpcc` is a probe and is not read.
Source: https://help.consentmanager.net/books/cmp/page/cookies-set-by-the-cmp ; consent-rr
`src/consentmanager` ; observed values
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals import tcf
from gatekeeper.signals.answers import decided, listed, read_each, sibling
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import UnreadableError, plain
from gatekeeper.signals.site import Site

SOURCE = "consentmanager"
NAMES = ()
PREFIXES = ("__cmpconsent", "__cmpcpc", "__cmpcvc")
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = True

_NAME = re.compile(r"(__cmpconsent|__cmpcpc|__cmpcvc)[a-z]?[0-9]+")
_OWN_STRING = "B"
_LIST = re.compile(r"__(?:[A-Za-z0-9]{1,12}(?:_[A-Za-z0-9]{1,12})*)?__")


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per TC string and one per list of purposes, with the vendors that the site maps."""
    found: dict[str, list[str]] = {prefix: [] for prefix in PREFIXES}
    for name, values in cookies.items():
        match = _NAME.fullmatch(name)
        if match is not None:
            found[match[1]].extend(values)
    strings, purposes, vendors = found.values()
    if not (strings or purposes or vendors):
        return (sibling(SOURCE),)
    signals = read_each(SOURCE, purposes, lambda value: _purposes(value, site))
    signals += read_each(SOURCE, vendors, lambda value: _vendors(value, site))
    if purposes:
        strings = [value for value in strings if not value.startswith(_OWN_STRING)]
    return signals + tuple(tcf.read(value, site.tcf, source=SOURCE) for value in strings)


def _purposes(value: str, site: Site) -> Iterator[Signal]:
    yield listed(SOURCE, _names(value), site, CATEGORIES)


def _vendors(value: str, site: Site) -> Iterator[Signal]:
    services = site.left_out(_names(value))
    if site.refused(services):
        yield decided(SOURCE, {}, site, services=services)


def _names(value: str) -> tuple[str, ...]:
    text = plain(value)
    if _LIST.fullmatch(text) is None:
        raise UnreadableError("no list of purposes or vendors")
    return tuple(name for name in text.split("_") if name)
