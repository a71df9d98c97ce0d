"""A record told in words. Pure. What `audit show` prints under it: sentences for whoever has to answer for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

REASONS: Final = {
    "jurisdiction_blocked": "the policy sends it nothing about visitors from there",
    "consent_unreadable": "a consent signal could not be read, so nothing optional was allowed",
    "gpc_opt_out": "the browser asked not to be tracked (Sec-GPC)",
    "sale_opt_out": "the visitor opted out of sale and sharing",
    "minor": "the visitor is known to be too young",
    "consent_withdrawn": "consent had been taken back",
    "consent_expired": "consent had been given too long ago",
    "no_analytics_consent": "nobody had consented to analytics",
    "no_marketing_consent": "nobody had consented to marketing",
    "purpose_mismatch": "the event was collected for other purposes",
    "insufficient_data": "what was left was no valid event for it",
    "unlisted_destination": "the policy does not name it",
    "call_unreadable": "the request was not in its format",
    "audit_unavailable": "the decision could not be recorded",
    "internal_error": "the gate itself failed, and fails closed",
    "duplicate_event": "it had been sent there before",
}
_STATUS: Final = {
    "delivered": "it was delivered",
    "pending": "it has not ended yet",
    "cancelled": "it was cancelled before it was sent",
}


def words(record: dict[str, Any]) -> Iterator[str]:
    """One sentence per fact, in the order in which it was decided."""
    place = record["jurisdiction"]
    where = "-".join(part for part in (place["country"], place["region"]) if part) or "an unknown place"
    yield f"Decided at {record['timestamp']} for a visitor from {where}, under {_list(place['laws'])}."
    for signal in record["signals"]:
        said = _list([f"{purpose} {word}" for purpose, word in signal["says"].items()])
        lost = f"; it lost for {_list(signal['overruled'])}" if signal["overruled"] else ""
        yield f"{signal['source']} said: {said or signal['standing']}{lost}."
    if not record["signals"]:
        yield "Nothing that came with it spoke about consent."
    if record["gpc"]["detected"]:
        heard = "honoured" if record["gpc"]["honoured"] else "not required here"
        yield f"The browser sent Sec-GPC: 1, which was {heard}."
    allowed = [purpose for purpose, granted in record["consent_state"].items() if granted]
    yield f"That allowed {_list(allowed) or 'nothing'}."
    for delivery in record["deliveries"]:
        yield _delivery(delivery)
    if "element" in record:
        which = f"this is number {record['element'] + 1}"
        yield f"The line stands for {record.get('count', 1)} events of one request that were alike; {which}."
    elif "count" in record:
        first = record["request_id"]
        yield f"The line stands for {record['count']} events of one request that were alike, {first}.0 and so on."
    if "n" in record:
        yield f"This is line {record['n']} of the stream {record['stream']}; `gatekeeper audit verify` checks it."


def _delivery(delivery: dict[str, Any]) -> str:
    name, status, reason = delivery["destination"], delivery["status"], delivery.get("reason")
    if "fields_sent" not in delivery:
        return f"{name} got nothing: {REASONS.get(reason or '', reason)}."
    tries = delivery.get("attempts")
    ending = _STATUS.get(status) or f"it {status}"
    if reason:
        ending += f" ({REASONS.get(reason, reason)})"
    if tries:
        ending += f" at attempt {tries}"
    sent, stripped = _list(delivery["fields_sent"]) or "only the event itself", _list(delivery["fields_stripped"])
    basis = f" on the basis of {delivery['consent_basis']}" if delivery.get("consent_basis") else ""
    kept_back = f"; {stripped} stayed here" if stripped else ""
    return f"{name} was to get {sent}{basis}{kept_back}; {ending}."


def _list(parts: list[str]) -> str:
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)
