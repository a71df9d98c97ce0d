"""Sourcepoint: ids of a choice that is kept on Sourcepoint's servers, and the switches of its US message.

`consentUUID` and `ccpaUUID` are ids and say nothing. `ccpaReject=true` or `ccpaConsentAll=false` is an opt-out
of sale; their opposites are the default and say nothing. What Sourcepoint writes in standard form is read by
`tcf`, `gpp` and `usprivacy`.
Source: https://docs.sourcepoint.com/hc/en-us/articles/4405397297171 ; observed values
"""

from __future__ import annotations

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import opaque, opt_out, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import word
from gatekeeper.signals.site import Site

SOURCE = "sourcepoint"
NAMES = ("consentUUID", "ccpaUUID", "ccpaReject", "ccpaConsentAll")
PREFIXES = ()
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = False

_IDS = ("consentUUID", "ccpaUUID")
_OPTED_OUT = {"ccpaReject": "true", "ccpaConsentAll": "false"}


def read(cookies: Cookies, _site: Site) -> tuple[Signal, ...]:
    """The opt-out of the US message, if any, and one signal for a choice that is elsewhere."""
    signals: tuple[Signal, ...] = ()
    if any(word(value) == opted_out for name, opted_out in _OPTED_OUT.items() for value in cookies.get(name, ())):
        signals = (opt_out(SOURCE, "opted out of sale"),)
    if any(name in cookies for name in _IDS):
        signals += (opaque(SOURCE, "only an id; the choice is in the TC, GPP or US Privacy string, if any"),)
    return signals or (undecided(SOURCE, "no opt-out in the US message"),)
