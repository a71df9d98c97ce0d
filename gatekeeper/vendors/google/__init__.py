"""Google Ads: conversions and uploads for events, the same as servers upload them, and the web tag."""

from gatekeeper.vendors.google import events, ingest, pixel, upload

__all__ = ["events", "ingest", "pixel", "upload"]
