"""Meta: the Conversions API, for events and as servers call it, and the Meta Pixel."""

from gatekeeper.vendors.meta import calls, deletion, events, pixel

__all__ = ["calls", "deletion", "events", "pixel"]
