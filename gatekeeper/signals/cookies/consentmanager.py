"""consentmanager: `__cmpconsentx<id>` holds a TC string, `__cmpcpcx<id>` accepted purposes, `__c51_c52__`.

The purposes are the site's and need a map; refused ones are left out. `__cmpcc` is a probe and is not
read.
Source: https://help.consentmanager.net/books/cmp/page/cookies-set-by-the-cmp ; consent-rr
`src/consentmanager`
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals import tcf
from gatekeeper.signals.answers import Site, decided, of_accepted, opaque, read_each
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import UnreadableError, plain

SOURCE = "consentmanager"
NAMES = ()
PREFIXES = ("__cmpconsentx", "__cmpcpcx")
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = True

_LIST = re.compile(r"__(?:[A-Za-z0-9]{1,12}(?:_[A-Za-z0-9]{1,12})*)?__")


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per TC string and one per list of purposes."""
    signals: list[Signal] = []
    for name, values in cookies.items():
        if name.startswith("__cmpcpcx"):
            signals.extend(read_each(SOURCE, values, lambda value: _signals(value, site)))
        else:
            signals.extend(tcf.read(value, site.tcf, source=SOURCE) for value in values)
    return tuple(signals)


def _signals(value: str, site: Site) -> Iterator[Signal]:
    text = plain(value)
    if _LIST.fullmatch(text) is None:
        raise UnreadableError("no list of purposes")
    if not site.categories:
        yield opaque(SOURCE, f"[consent.{SOURCE}] has to map the purposes")
        return
    accepted = [name for name in text.split("_") if name]
    yield decided(SOURCE, of_accepted(accepted, site.categories, CATEGORIES), site)
