"""Sentry: errors as events, and the envelopes of its SDKs."""

from gatekeeper.vendors.sentry import calls, events

__all__ = ["calls", "events"]
