"""Google Analytics 4: the Measurement Protocol, for events and as servers call it, and the web hits of gtag.js."""

from gatekeeper.vendors.ga4 import calls, deletion, events, pixel

__all__ = ["calls", "deletion", "events", "pixel"]
