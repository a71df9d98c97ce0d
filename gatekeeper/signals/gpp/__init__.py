"""The IAB Global Privacy Platform: `parse` a string, `read` it as signals."""

from gatekeeper.signals.gpp.canada import CanadaString
from gatekeeper.signals.gpp.consent import gpc, opted_out, read
from gatekeeper.signals.gpp.section import US_SECTIONS, UsSection
from gatekeeper.signals.gpp.string import Broken, GppString, Unknown, parse

__all__ = [
    "US_SECTIONS",
    "Broken",
    "CanadaString",
    "GppString",
    "Unknown",
    "UsSection",
    "gpc",
    "opted_out",
    "parse",
    "read",
]
