"""Reason codes: why a destination got nothing. `docs/reasons.md` says what each means; a test compares both."""

from __future__ import annotations

from typing import Final

from gatekeeper.model import Purpose

JURISDICTION: Final = "jurisdiction_blocked"
UNREADABLE: Final = "consent_unreadable"
GPC: Final = "gpc_opt_out"
MINOR: Final = "minor"
WITHDRAWN: Final = "consent_withdrawn"
EXPIRED: Final = "consent_expired"
NO_CONSENT: Final = {
    Purpose.ANALYTICS: "no_analytics_consent",
    Purpose.MARKETING: "no_marketing_consent",
}
MISMATCH: Final = "purpose_mismatch"
UNLISTED: Final = "unlisted_destination"
UNREADABLE_CALL: Final = "call_unreadable"
NOT_ROUTED: Final = "event_not_routed"
AUDIT: Final = "audit_unavailable"
INSUFFICIENT: Final = "insufficient_data"
INTERNAL: Final = "internal_error"
DUPLICATE: Final = "duplicate_event"  # in an outcome: the event was accepted for this destination before
