"""TC strings in cookies: `euconsent-v2` (InMobi, Sourcepoint, Didomi, …) and OneTrust's `eupubconsent-v2`.

The TCF leaves storage to the platform; these are the names in use. What the string says:
`gatekeeper.signals.tcf`.
Source: https://github.com/InteractiveAdvertisingBureau/GDPR-Transparency-and-Consent-Framework
"""

from __future__ import annotations

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals import tcf
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.site import Site

SOURCE = "tcf"
NAMES = ("euconsent-v2", "eupubconsent-v2")
PREFIXES = ()
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = False


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per string."""
    return tuple(tcf.read(value, site.tcf) for values in cookies.values() for value in values)
