"""US Privacy strings in cookies: `usprivacy`, its variant `us_privacy`, and consentmanager's `__cmpccpausps`.

What the string says: `gatekeeper.signals.usprivacy`.
Source: https://github.com/InteractiveAdvertisingBureau/USPrivacy
"""

from __future__ import annotations

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals import usprivacy
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.site import Site

SOURCE = "usprivacy"
NAMES = ("usprivacy", "us_privacy", "__cmpccpausps")
PREFIXES = ()
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = False


def read(cookies: Cookies, _site: Site) -> tuple[Signal, ...]:
    """One opt-out signal per string."""
    return tuple(usprivacy.read(value) for values in cookies.values() for value in values)
