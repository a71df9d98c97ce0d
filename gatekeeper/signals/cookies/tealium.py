"""Tealium: `CONSENTMGR`, pipe-separated `c1:1|c2:0|ts:<ms>|consent:true`.

`consent:false` refuses everything, `dns:true` (Do Not Sell) is an opt-out of sale. Groups without `consent` are
no choice, but their refusals count. What the groups c1, c2, … are for, only the site can say.
Source: https://docs.tealium.com/iq-tag-management/consent-management/ (`dns.setDnsState`) ; observed
values
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import both, decided, opt_out, read_each, refused_altogether, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import UnreadableError, plain, when
from gatekeeper.signals.site import Site

SOURCE = "tealium"
NAMES = ("CONSENTMGR",)
PREFIXES = ()
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = False

_FIELDS = {"consent", "ts", "dns"}
_GROUP = re.compile(r"c[0-9]{1,3}")


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    return read_each(SOURCE, cookies["CONSENTMGR"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    pairs = [entry.partition(":")[::2] for entry in plain(value).split("|")]
    fields = dict(pairs)
    if fields.keys().isdisjoint(_FIELDS):
        raise UnreadableError("no Tealium fields")
    at = when(fields.get("ts"))
    if ("dns", "true") in pairs or ("dns", "1") in pairs:
        yield opt_out(SOURCE, "opted out of sale")
    if ("consent", "false") in pairs:
        yield refused_altogether(SOURCE, at=at)
        return
    spoken = both((name, flag == "1") for name, flag in pairs if _GROUP.fullmatch(name))
    answered = fields.get("consent") == "true"
    if not answered and False not in spoken.values():
        yield undecided(SOURCE, "banner not answered", at=at)
    else:
        yield decided(SOURCE, spoken, site, at=at, automatic=not answered)
