"""A record in words. Pure. What `audit show` prints under it: sentences for the person who has to answer for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from gatekeeper.counting import counted
from gatekeeper.model.reasons import TABLE

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
        events = counted(record.get("count", 1), "event")
        yield f"The line stands for {events} of one request that were alike; {which}."
    elif "count" in record:
        alike, first = counted(record["count"], "event"), record["request_id"]
        yield f"The line stands for {alike} of one request that were alike, {first}.0 and so on."
    if "n" in record:
        yield f"This is line {record['n']} of the stream {record['stream']}; `gatekeeper audit verify` checks it."


def _delivery(delivery: dict[str, Any]) -> str:
    name, status, reason = delivery["destination"], delivery["status"], delivery.get("reason")
    if "fields_sent" not in delivery:
        return f"{name} got nothing: {_sentence(reason)}."
    tries = delivery.get("attempts")
    ending = _STATUS.get(status) or f"it {status}"
    if reason:
        ending += f" ({_sentence(reason)})"
    if tries:
        ending += f" at attempt {tries}"
    sent, stripped = _list(delivery["fields_sent"]) or "only the event itself", _list(delivery["fields_stripped"])
    basis = f" on the basis of {delivery['consent_basis']}" if delivery.get("consent_basis") else ""
    kept_back = f"; {stripped} stayed here" if stripped else ""
    return f"{name} was to get {sent}{basis}{kept_back}; {ending}."


def _sentence(reason: str | None) -> str | None:
    """What a reason means; a vendor's own code as it is."""
    row = TABLE.get(reason or "")
    return reason if row is None else row.sentence


def _list(parts: list[str]) -> str:
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)
