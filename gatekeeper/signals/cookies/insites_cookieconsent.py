"""Cookie Consent by Insites, later Osano's open-source banner: `cookieconsent_status`, one switch for all.

`allow` and `deny` are choices; `dismiss` closes the banner of its information mode, which is none. The
name is in use by many lookalikes: any other value is foreign.
Source: https://github.com/osano/cookieconsent `src/cookieconsent.js`
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Role, Signal, Standing
from gatekeeper.signals.answers import ALL_GRANTED, ALL_REFUSED, read_each, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import ForeignError
from gatekeeper.signals.site import Site

SOURCE = "insites-cookieconsent"
NAMES = ("cookieconsent_status",)
PREFIXES = ()
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = False


def read(cookies: Cookies, _site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    return read_each(SOURCE, cookies["cookieconsent_status"], _signals)


def _signals(value: str) -> Iterator[Signal]:
    if value == "dismiss":
        yield undecided(SOURCE, "banner closed without an answer")
    elif value in ("allow", "deny"):
        says = ALL_GRANTED if value == "allow" else ALL_REFUSED
        yield Signal(SOURCE, Role.CHOICE, Standing.DECIDED, says, note="choice for everything at once")
    else:
        raise ForeignError("not written by this banner")
