"""Google Ads: conversions and uploads for events, the same as servers upload them, and the web tag."""

from gatekeeper.vendors.google import deletion, events, ingest, pixel, upload

__all__ = ["deletion", "events", "ingest", "pixel", "upload"]
