"""TikTok: the Events API, for events and as servers call it, and the pixel."""

from gatekeeper.vendors.tiktok import calls, events, pixel

__all__ = ["calls", "events", "pixel"]
