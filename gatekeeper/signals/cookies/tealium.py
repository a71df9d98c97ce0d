"""Tealium: `CONSENTMGR`, pipe-separated `c1:1|c2:0|ts:<ms>|consent:true`.

`consent:false` refuses everything. What the groups c1, c2, … are for, only the site can say.
Source: https://docs.tealium.com/iq-tag-management/consent-management/ ; observed values
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gatekeeper.model import Purpose, Role, Signal, Standing
from gatekeeper.signals.answers import ALL_REFUSED, Site, both, decided, opaque, read_each, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import UnreadableError, plain, when

SOURCE = "tealium"
NAMES = ("CONSENTMGR",)
PREFIXES = ()
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = False

_GROUP = re.compile(r"c[0-9]{1,3}")


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    return read_each(SOURCE, cookies["CONSENTMGR"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    pairs = [entry.partition(":")[::2] for entry in plain(value).split("|")]
    fields = dict(pairs)
    if "consent" not in fields and "ts" not in fields:
        raise UnreadableError("no Tealium fields")
    at = when(fields.get("ts"))
    if ("consent", "false") in pairs:
        yield Signal(SOURCE, Role.CHOICE, Standing.DECIDED, ALL_REFUSED, at=at, note="refused altogether")
        return
    if fields.get("consent") != "true":
        yield undecided(SOURCE, "banner not answered", at=at)
        return
    spoken = both((name, flag == "1") for name, flag in pairs if _GROUP.fullmatch(name))
    if not site.categories:
        yield opaque(SOURCE, f"[consent.{SOURCE}] has to map the groups", at=at)
    else:
        yield decided(SOURCE, spoken, site, at=at)
