"""Destinations: what each was sent and what was stripped, field by field, and what it could not take.

What is declared is the policy's; what was observed is the log's, over a period that is chosen, and comes later where
that is long. Books, breakers and dead letters are of the store, and so of all nodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from gatekeeper.audit import numbers, query
from gatekeeper.audit.segments import holds_log
from gatekeeper.console.page import Answer, Asked, Desk, Later, Moved, Page, Shown
from gatekeeper.console.render import cause as words
from gatekeeper.errors import ConfigError, EventError
from gatekeeper.model.reasons import TABLE
from gatekeeper.reports.observed import by_key
from gatekeeper.storage.outbox import DeadLetter
from gatekeeper.vendors import failures, recipients
from gatekeeper.vendors.kind import Destination

PERIODS: Final = {
    "1h": ("1 hour", timedelta(hours=1)), "1d": ("24 hours", timedelta(days=1)),
    "7d": ("7 days", timedelta(days=7)), "30d": ("30 days", timedelta(days=30)),
}  # fmt: skip
LETTERS: Final = 200  # dead letters that a page shows
ALL: Final = "all"
_MANY: Final = 100_000  # dead letters that one press of the button queues again
_PATIENCE: Final = 30.0  # seconds


def overview(desk: Desk, asked: Asked) -> Answer:
    """Show every destination of the policy: its queue, its troubles, and what it asks for."""
    books, troubles = desk.store.books.count(), desk.store.books.troubles()
    letters = Counter(one.destination for one in desk.store.dead_letters.page(None, 1_000))
    rows = [
        {
            "name": name, "kind": to.kind.title, "purpose": to.purpose.value, "basis": to.legal_basis,
            "company": company(desk, to), "count": books.get(name), "letters": letters[name],
            "trouble": troubles.get(name),
            "why": failures.sentence(troubles[name].why) if name in troubles else None,
        }
        for name, to in desk.policy.destinations.items()
    ]  # fmt: skip
    gone = sorted(set(letters) - set(desk.policy.destinations))
    return Shown("destinations.html", {"rows": rows, "gone": gone}, "Destinations")


def one(desk: Desk, asked: Asked) -> Answer:
    """Show one destination: its fields, declared beside observed, its errors and its dead letters."""
    name, period = asked.parts[0], asked.query.get("period", "1d")
    to = desk.policy.destinations.get(name)
    if to is None:
        raise EventError(404, "the policy has no such destination")
    if period not in PERIODS:
        raise EventError(422, f"is not a period; use one of {', '.join(PERIODS)}", field="period")
    letters = desk.store.dead_letters.page(name, LETTERS)
    trouble = desk.store.books.troubles().get(name)
    values: dict[str, Any] = {
        "to": to,
        "company": company(desk, to),
        "vendor_page": failures.page(to.kind.name),
        "declared": sorted(to.fields),
        "period": period,
        "periods": PERIODS,
        "count": desk.store.books.count().get(name),
        "trouble": trouble,
        "failing": None if trouble is None else max(0.0, desk.now - trouble.since),
        "why": None if trouble is None else failures.sentence(trouble.why),
        "letters": [_letter(letter) for letter in letters],
        "more": len(letters) >= LETTERS,
        "may_retry": "deliver" in asked.may,
    }
    return Shown("destination.html", values, name, later=Later("observed.html", partial(_observed, desk, to, period)))


def retry(desk: Desk, asked: Asked) -> Answer:
    """Queue one dead letter again, or all of a destination."""
    name, wanted = asked.parts[0], asked.form.get("letter", "")
    there = desk.store.dead_letters.page(name, _MANY)
    ids = [letter.id for letter in there if wanted in (ALL, letter.id)]
    if not ids:
        raise EventError(404, "there is no such dead letter", detail="it was queued again, or deleted, meanwhile")
    desk.office.record("dead-letters/retry", counts={"letters": len(ids)})
    desk.store.dead_letters.retry(ids).result(_PATIENCE)
    return Moved(f"destinations/{name}" if name in desk.policy.destinations else "destinations")


def company(desk: Desk, to: Destination) -> dict[str, str | None]:
    """Who gets the data, as the policy says it, else as the product's table does."""
    table = desk.policy.file.destinations[to.name]
    said = getattr(table, "recipient", None)
    name = said or (to.kind.processor if to.kind.received_by == "vendor" else desk.policy.file.policy.controller)
    known = recipients.known(name)
    return {"name": name, "country": getattr(table, "country", None) or known.get("country"),
            "policy": getattr(table, "privacy_policy", None) or known.get("privacy_policy")}  # fmt: skip


def _observed(desk: Desk, to: Destination, period: str) -> dict[str, Any]:
    """What the log shows, or why it shows nothing. Raises AuditError, StorageError."""
    folder = desk.policy.audit_folder
    since = datetime.fromtimestamp(desk.now, UTC).replace(tzinfo=None) - PERIODS[period][1]
    try:
        with desk.office.others as others:
            if not others and not holds_log(folder):
                return {"missing": "there is no log yet"}
            seen = numbers.fields(folder, query.Filter(since=since, destination=to.name), others=others)
    except ConfigError as error:  # without the extra there are no questions to the log
        return {"missing": str(error)}
    return {"missing": None, "seen": seen, "fields": _fields(to, seen), "endings": _endings(seen)}


def _fields(to: Destination, seen: numbers.Fields) -> list[dict[str, Any]]:
    """Each field: what the policy says of it, and how often it was sent and stripped."""
    sent, stripped = by_key(to, seen.sent), by_key(to, seen.stripped)
    rows = []
    for name in sorted({*to.fields, *sent, *stripped}, key=lambda one: (-sent[one], -stripped[one], one)):
        declared = "sent" if name in to.fields else _cause(to, name)
        rows.append({"name": name, "declared": declared, "sent": sent[name], "stripped": stripped[name],
                     "beyond": name not in to.fields and sent[name] > 0})  # fmt: skip
    return rows


def _cause(to: Destination, name: str) -> str:
    cause = to.causes.get(name) or to.causes.get(name.removesuffix("_hash"))
    return f"stripped: {'not in the catalogue' if cause is None else words(cause)}"


def _endings(seen: numbers.Fields) -> Sequence[dict[str, Any]]:
    """How deliveries ended, the most frequent first, in words."""
    rows = []
    for (status, reason), many in sorted(seen.endings.items(), key=lambda one: -one[1]):
        known = TABLE.get(reason or "")
        words = None if reason is None else failures.sentence(reason) if known is None else known.sentence
        rows.append({"status": status, "reason": reason, "words": words, "many": many})
    return rows


def _letter(letter: DeadLetter) -> dict[str, Any]:
    return {"id": letter.id, "request_id": letter.request_id, "event_time": letter.event_time, "at": letter.at,
            "attempts": letter.attempts, "why": letter.why, "words": failures.sentence(letter.why)}  # fmt: skip


PAGES: Final = (
    Page("GET", "destinations", "read", overview, nav="Destinations"),
    Page("GET", "destinations/{}", "read", one, query=("period",)),
    Page("POST", "destinations/{}/retry", "deliver", retry),
)
