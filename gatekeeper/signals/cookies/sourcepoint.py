"""Sourcepoint: `consentUUID` and `ccpaUUID` are ids of a choice that is kept on Sourcepoint's servers.

They say nothing by themselves. What Sourcepoint writes in standard form is read by `tcf` and `usprivacy`.
Source: https://docs.sourcepoint.com/hc/en-us/articles/4405397297171 ; observed values
"""

from __future__ import annotations

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import Site, opaque
from gatekeeper.signals.cookies.reader import Cookies

SOURCE = "sourcepoint"
NAMES = ("consentUUID", "ccpaUUID")
PREFIXES = ()
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = False


def read(_cookies: Cookies, _site: Site) -> tuple[Signal, ...]:
    """One opaque signal: there is a choice, and it is elsewhere."""
    return (opaque(SOURCE, "only an id; the choice is in the TC, GPP or US Privacy string, if any"),)
