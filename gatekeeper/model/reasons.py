"""Reason codes: why a destination got nothing. Pure. One row each, in the order in which they are checked.

The constants are the codes. `audit show` prints the sentences, and docs/reasons.md is generated from the table.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from gatekeeper.model import Purpose


class Reason(NamedTuple):
    """One row: the code in the log, what it means and what helps (Markdown), and a sentence for `audit show`."""

    code: str
    means: str
    remedy: str
    sentence: str


TABLE: Final[dict[str, Reason]] = {}


def _reason(code: str, *, means: str, remedy: str = "", sentence: str) -> str:
    TABLE[code] = Reason(code, means, remedy, sentence)
    return code


NOT_ROUTED: Final = _reason(
    "event_not_routed",
    means="the policy does not route this event to this destination; an event's record leaves the destination out, "
    "a call's record names it",
    remedy="`events` of the destination, `[events.*]`",
    sentence="the policy does not route this event to it",
)
JURISDICTION: Final = _reason(
    "jurisdiction_blocked",
    means="the destination lists `regions`, and the visitor is in none of them or their place is unknown",
    remedy="`regions` of the destination",
    sentence="the policy sends it nothing about visitors from there",
)
UNREADABLE: Final = _reason(
    "consent_unreadable",
    means="a signal in a known format is broken: a changed cookie, a forged or expired context",
    remedy="the visitor has to choose again",
    sentence="a consent signal could not be read, so nothing optional was allowed",
)
GPC: Final = _reason(
    "gpc_opt_out",
    means="the browser sends `Sec-GPC: 1`; nothing overrides it",
    sentence="the browser asked not to be tracked (Sec-GPC)",
)
SALE: Final = _reason(
    "sale_opt_out",
    means="another opt-out of sale, sharing or targeted advertising",
    sentence="the visitor opted out of sale and sharing",
)
MINOR: Final = _reason(
    "minor",
    means="the visitor is known to be too young for this purpose there",
    sentence="the visitor is known to be too young",
)
WITHDRAWN: Final = _reason(
    "consent_withdrawn",
    means="consent was given and withdrawn later",
    sentence="consent had been withdrawn",
)
SUPPRESSED: Final = _reason(
    "suppressed",
    means="the event has an identifier of a person who was erased, opted out of sale, or objected",
    remedy="after an erasure, a later grant by the person; otherwise `gatekeeper suppression remove`",
    sentence="the person is suppressed: erased, opted out or objected",
)
EXPIRED: Final = _reason(
    "consent_expired",
    means="consent was given longer ago than `[consent] max_age`",
    remedy="ask the visitor again",
    sentence="consent had been given too long ago",
)
_NO_ANALYTICS: Final = _reason(
    "no_analytics_consent",
    means="the law is opt-in and the visitor did not consent to analytics, or the visitor refused",
    sentence="the visitor had not consented to analytics",
)
_NO_MARKETING: Final = _reason(
    "no_marketing_consent",
    means="the law is opt-in and the visitor did not consent to marketing, or the visitor refused",
    sentence="the visitor had not consented to marketing",
)
NO_CONSENT: Final = {Purpose.ANALYTICS: _NO_ANALYTICS, Purpose.MARKETING: _NO_MARKETING}
MISMATCH: Final = _reason(
    "purpose_mismatch",
    means="the event's declared `purposes` do not include the destination's",
    remedy="`purposes` of the event, `[events.*]`",
    sentence="the event was collected for other purposes",
)
INSUFFICIENT: Final = _reason(
    "insufficient_data",
    means="the permitted part is not a valid event for this vendor: it has no identifier, or is too old",
    remedy="`gatekeeper explain` says what is missing",
    sentence="the permitted part was not a valid event for it",
)
UNLISTED: Final = _reason(
    "unlisted_destination",
    means="a known tracking host that the policy does not name",
    remedy="a destination for it, or `[outbound] allow`",
    sentence="the policy does not name it",
)
OTHER_ACCOUNT: Final = _reason(
    "other_account",
    means="a call for an account, pixel or project that the policy does not name",
    remedy="correct the account in the site's own snippet or SDK, or in the policy",
    sentence="the request was for another account than the policy's",
)
UNREADABLE_CALL: Final = _reason(
    "call_unreadable",
    means="a vendor-native request that is not in that vendor's format, or goes to none of the vendor's paths",
    remedy="the call's trail in `audit show`; [calls](calls.md) lists the paths",
    sentence="the request was not in its format",
)
QUEUE_FULL: Final = _reason(
    "queue_full",
    means="permitted, but the destination has as many waiting deliveries, or calls in progress, as the policy allows: "
    "nothing was kept for it. Other destinations are not affected, and sending the event again may deliver it",
    remedy="find out why the vendor accepts nothing ([alarms](alarms.md)); the sender repeats after `Retry-After`",
    sentence="too much was waiting for it already",
)
RATE_LIMITED: Final = _reason(
    "rate_limited",
    means="more requests came in a minute than `[limits]` allows, in total or from one network; such requests share "
    "one line a minute with a `count`",
    remedy="raise `[limits]`, or give your own servers an api key; `gatekeeper_limited_total` counts them",
    sentence="too many requests came in that minute",
)
AUDIT: Final = _reason(
    "audit_unavailable",
    means="the decision could not be recorded, so nothing was sent",
    remedy="check the log's disk",
    sentence="the decision could not be recorded",
)
INTERNAL: Final = _reason(
    "internal_error",
    means="the gate itself failed; it fails closed",
    remedy="report it: the class of the error is in the process log",
    sentence="the gate itself failed, and fails closed",
)
DUPLICATE: Final = _reason(
    "duplicate_event",
    means="only as the reason of an outcome: the same event was accepted for this destination less than seven days ago",
    sentence="it had been sent there before",
)
