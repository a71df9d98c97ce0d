"""Google Analytics 4: the Measurement Protocol, for events and as servers call it, and the web hits of gtag.js."""

from gatekeeper.vendors.ga4 import calls, events, pixel

__all__ = ["calls", "events", "pixel"]
