"""Google Funding Choices (Privacy & messaging): `FCCDCF`, a JSON array whose element [3][0] is a TC string.

The layout is known from reader code only; whatever does not fit it is malformed.
Source: consent-rr `src/fundingchoices`
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals import tcf
from gatekeeper.signals.answers import read_each, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import UnreadableError, json_array
from gatekeeper.signals.site import Site

SOURCE = "google-funding-choices"
NAMES = ("FCCDCF",)
PREFIXES = ()
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = False


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per TC string."""
    return read_each(SOURCE, cookies["FCCDCF"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    found = json_array(value)
    consent = found[3] if len(found) > 3 else ...
    if consent is None:
        yield undecided(SOURCE, "no TC string yet")
        return
    if not isinstance(consent, list) or not consent or not isinstance(consent[0], str):
        raise UnreadableError("no TC string where one is expected")
    yield tcf.read(consent[0], site.tcf, source=SOURCE)
