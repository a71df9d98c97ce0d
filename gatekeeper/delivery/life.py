"""The life of a row: `FOLLOWS`, what a vendor's outcome means for it, and what a row that ends is settled with.

The store moves rows that are queued, waiting or dead; `flights.py` moves those under way.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from gatekeeper.delivery.send import NO_ANSWER, UNREACHABLE
from gatekeeper.model import Fate, Outcome, reasons
from gatekeeper.model.reasons import INTERNAL
from gatekeeper.model.states import Follows
from gatekeeper.storage import outbox
from gatekeeper.storage.outbox import Ending, Row
from gatekeeper.vendors.kind import Kind

UNKNOWN: Final = "unknown"  # why a row is dead, or waits: the vendor may have it, or not
WITHDRAWN: Final = Outcome(Fate.RETRY, reasons.WITHDRAWN)  # not asked: stopped before its request began


class State(StrEnum):
    """Where a row is."""

    QUEUED = "queued"
    UNDER_WAY = "under way"
    WAITING = "waiting"
    DELIVERED = outbox.DELIVERED
    DEAD = outbox.DEAD
    EXPIRED = outbox.EXPIRED
    CANCELLED = outbox.CANCELLED


class Event(StrEnum):
    """What happens to a row."""

    CLAIMED = "claimed"
    GIVEN_BACK = "given back before its request began"
    TAKEN = "the vendor takes it"
    REFUSED = "the vendor refuses it for good"
    UNSENDABLE = "it cannot be sent"
    LATER = "no answer, or one that asks for later"
    UNKNOWN = "no answer, and the vendor cannot tell a repetition"
    TOO_OFTEN = "asked as often as the vendor allows"
    TOO_OLD = "older than the vendor accepts"
    WITHDRAWN = "consent withdrawn, or the person erased"
    REMOVED = "the policy has no such destination any more"
    RETRIED = "retried by hand"


FOLLOWS: Final[Follows[State, Event]] = {
    (State.QUEUED, Event.CLAIMED): State.UNDER_WAY,
    (State.QUEUED, Event.WITHDRAWN): State.CANCELLED,
    (State.QUEUED, Event.REMOVED): State.DEAD,
    (State.UNDER_WAY, Event.GIVEN_BACK): State.QUEUED,
    (State.UNDER_WAY, Event.TAKEN): State.DELIVERED,
    (State.UNDER_WAY, Event.REFUSED): State.DEAD,
    (State.UNDER_WAY, Event.UNSENDABLE): State.DEAD,
    (State.UNDER_WAY, Event.UNKNOWN): State.DEAD,
    (State.UNDER_WAY, Event.TOO_OFTEN): State.DEAD,
    (State.UNDER_WAY, Event.TOO_OLD): State.EXPIRED,
    (State.UNDER_WAY, Event.WITHDRAWN): State.CANCELLED,
    (State.UNDER_WAY, Event.LATER): State.WAITING,
    (State.WAITING, Event.CLAIMED): State.UNDER_WAY,
    (State.WAITING, Event.WITHDRAWN): State.CANCELLED,
    (State.WAITING, Event.REMOVED): State.DEAD,
    (State.DEAD, Event.RETRIED): State.QUEUED,
}


def event_of(outcome: Outcome, kind: Kind, attempt: int) -> Event:
    """What a vendor's outcome means for a row at its `attempt`-th attempt."""
    if outcome.fate is Fate.DELIVERED:
        return Event.TAKEN
    if outcome is WITHDRAWN:
        return Event.WITHDRAWN
    if outcome.fate is Fate.DEAD:
        return Event.REFUSED
    if kind.dedupes_for is None and outcome.why in NO_ANSWER:
        return Event.UNKNOWN
    if kind.max_attempts is not None and attempt >= kind.max_attempts and outcome.why != UNREACHABLE:
        return Event.TOO_OFTEN
    return Event.LATER


def ending(event: Event, why: str | None, rows: Sequence[Row]) -> Ending:
    """Rows under way that end by an event: the state is the table's, the reason goes into the log."""
    why_in_the_log = {
        Event.UNKNOWN: UNKNOWN,
        Event.TOO_OFTEN: f"dead:{why}",
        Event.TOO_OLD: outbox.EXPIRED,
        Event.UNSENDABLE: INTERNAL,
        Event.WITHDRAWN: None,
    }
    return Ending(FOLLOWS[State.UNDER_WAY, event].value, why_in_the_log.get(event, why), tuple(rows))
