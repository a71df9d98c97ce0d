"""GPP strings in cookies: OneTrust's `OTGPPConsent` and InMobi's `IABGPP_HDR_GppString`.

What the string says: `gatekeeper.signals.gpp`. (`__gpp` is the name of a JavaScript function, not of a
cookie.)
Source: https://github.com/InteractiveAdvertisingBureau/Global-Privacy-Platform
"""

from __future__ import annotations

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals import gpp
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.site import Site

SOURCE = "gpp"
NAMES = ("OTGPPConsent", "IABGPP_HDR_GppString")
PREFIXES = ()
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = False


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """The opt-outs and choices of every string."""
    return tuple(signal for values in cookies.values() for value in values for signal in gpp.read(value, site.tcf))
