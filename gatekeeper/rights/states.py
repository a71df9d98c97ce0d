"""A request for erasure: the states it goes through, and those of each recipient that is asked. Pure.

    received ─ verified ─ found ─ approved ─ suppressed ─ local_erased ─ asked ─ settled ─ told ─ closed
        └────────┴──────────┴─ refused

The order matters: a person who is not suppressed first would come back while their data are deleted. A recipient that
accepted a request is settled, because some recipients never say more than that.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from gatekeeper.model.states import Follows


class State(StrEnum):
    """Where a request is."""

    RECEIVED = "received"
    VERIFIED = "verified"
    FOUND = "found"
    APPROVED = "approved"
    SUPPRESSED = "suppressed"
    LOCAL_ERASED = "local_erased"
    ASKED = "asked"
    SETTLED = "settled"
    TOLD = "told"
    CLOSED = "closed"
    REFUSED = "refused"


class Event(StrEnum):
    """What happens to a request."""

    VERIFY = "the sender's identity was verified"
    FIND = "every store was searched"
    APPROVE = "an operator approves"
    REFUSE = "an operator refuses, with a reason"
    SUPPRESS = "the person is suppressed, and what is queued is cancelled"
    ERASE = "the stores and the log hold nothing of the person"
    ASK = "the gate knows which recipients to ask for what"
    SETTLE = "every recipient is settled"
    TELL = "the person was told"
    CLOSE = "the person has had a week to reply"


FOLLOWS: Final[Follows[State, Event]] = {
    (State.RECEIVED, Event.VERIFY): State.VERIFIED,
    (State.VERIFIED, Event.FIND): State.FOUND,
    (State.FOUND, Event.APPROVE): State.APPROVED,
    (State.RECEIVED, Event.REFUSE): State.REFUSED,
    (State.VERIFIED, Event.REFUSE): State.REFUSED,
    (State.FOUND, Event.REFUSE): State.REFUSED,
    (State.APPROVED, Event.SUPPRESS): State.SUPPRESSED,
    (State.SUPPRESSED, Event.ERASE): State.LOCAL_ERASED,
    (State.LOCAL_ERASED, Event.ASK): State.ASKED,
    (State.ASKED, Event.TELL): State.ASKED,
    (State.ASKED, Event.SETTLE): State.SETTLED,
    (State.SETTLED, Event.TELL): State.TOLD,
    (State.TOLD, Event.TELL): State.TOLD,
    (State.TOLD, Event.CLOSE): State.CLOSED,
}
ON_ITS_WAY: Final = frozenset({State.APPROVED, State.SUPPRESSED, State.LOCAL_ERASED, State.ASKED})
"""States out of which the gate itself goes on."""


class Part(StrEnum):
    """Where one recipient is."""

    WAITING = "waiting"  # is going to be asked
    ASKED = "asked"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    AUDIENCE_REMOVED = "audience_removed"
    FAILED = "failed"  # is asked again, for thirty days
    MANUAL = "manual"  # a task for people
    NOT_POSSIBLE = "not_possible"


SETTLED: Final = frozenset({Part.ACCEPTED, Part.CONFIRMED, Part.AUDIENCE_REMOVED, Part.NOT_POSSIBLE})
BY_HAND: Final[Mapping[Part, frozenset[Part]]] = {
    Part.WAITING: SETTLED,
    Part.ASKED: SETTLED,
    Part.FAILED: SETTLED,
    Part.MANUAL: SETTLED,
    Part.ACCEPTED: frozenset({Part.CONFIRMED}),
}
"""What an operator may say of a recipient, by the state it is in."""

DUPLICATE: Final = "duplicate_of"
REFUSALS: Final[Mapping[str, str]] = {
    "identity_unverified": "We could not verify that the request came from you (GDPR article 12(6)).",
    "exception_17_3_b": "A law obliges us to keep these data (GDPR article 17(3)(b)).",
    "exception_17_3_e": "We need these data for legal claims (GDPR article 17(3)(e)).",
    "not_controller": "We do not decide about these data; we have named who does.",
    DUPLICATE: "We are working on an earlier request of yours already.",
}
"""Reason of a refusal -> what the person is told."""


def may(state: State, event: Event) -> bool:
    """Whether an event can happen to a request in a state."""
    return (state, event) in FOLLOWS
