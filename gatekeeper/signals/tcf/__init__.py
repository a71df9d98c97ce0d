"""The IAB Transparency & Consent Framework: `parse` a string, `read` it as a signal, ask for one vendor."""

from gatekeeper.signals.tcf.consent import (
    PURPOSES,
    PurposeTable,
    TcSignal,
    read,
    signal,
    spoken,
    vendor_permission,
    vendor_permissions,
)
from gatekeeper.signals.tcf.string import TcString, parse

__all__ = [
    "PURPOSES",
    "PurposeTable",
    "TcSignal",
    "TcString",
    "parse",
    "read",
    "signal",
    "spoken",
    "vendor_permission",
    "vendor_permissions",
]
