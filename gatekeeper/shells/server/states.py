"""What a connection is reading (`FOLLOWS`), and what it waits for meanwhile (`TIMERS`). Pure; read by `protocol.py`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from gatekeeper.model.states import Follows


class Reading(StrEnum):
    """What a connection is reading."""

    FRESH = "nothing has come yet"
    HEAD = "a head"
    BODY = "a body"
    BETWEEN = "nothing: a request has come, its answer has not ended"
    RESTING = "nothing: kept alive"
    REFUSED = "nothing more: refused"
    TUNNEL = "nothing more: handed over"


class Event(StrEnum):
    """What happens to a connection."""

    BYTES = "bytes come"
    BEGIN = "a request begins"
    HEAD_ENDS = "its head ends"
    BODY_ENDS = "its body ends, or it has none"
    ANSWERED = "all answers have ended"
    REFUSE = "it is refused"
    UPGRADE = "its upgrade is taken up"


FOLLOWS: Final[Follows[Reading, Event]] = {
    (Reading.FRESH, Event.BYTES): Reading.HEAD,
    (Reading.HEAD, Event.BYTES): Reading.HEAD,
    (Reading.HEAD, Event.BEGIN): Reading.HEAD,
    (Reading.HEAD, Event.HEAD_ENDS): Reading.BODY,
    (Reading.BODY, Event.BYTES): Reading.BODY,
    (Reading.BODY, Event.BODY_ENDS): Reading.BETWEEN,
    (Reading.BETWEEN, Event.BYTES): Reading.HEAD,
    (Reading.BETWEEN, Event.BEGIN): Reading.HEAD,  # in the bytes that ended the last one
    (Reading.BETWEEN, Event.UPGRADE): Reading.TUNNEL,
    (Reading.BETWEEN, Event.ANSWERED): Reading.RESTING,
    (Reading.HEAD, Event.ANSWERED): Reading.HEAD,
    (Reading.BODY, Event.ANSWERED): Reading.BODY,
    (Reading.RESTING, Event.BYTES): Reading.HEAD,
    (Reading.FRESH, Event.REFUSE): Reading.REFUSED,
    (Reading.HEAD, Event.REFUSE): Reading.REFUSED,
    (Reading.BODY, Event.REFUSE): Reading.REFUSED,
    (Reading.BETWEEN, Event.REFUSE): Reading.REFUSED,  # behind a request that was to be the last one
    (Reading.REFUSED, Event.ANSWERED): Reading.REFUSED,
}
# What is waited for; while that stays the same, so does the timer. `None`: for nothing of the client's.
TIMERS: Final[Mapping[Reading, str | None]] = {
    Reading.FRESH: "head",
    Reading.HEAD: "head",
    Reading.BODY: "body",
    Reading.BETWEEN: None,
    Reading.RESTING: "request",
    Reading.REFUSED: None,
    Reading.TUNNEL: None,
}
# Between two requests, or before the first one.
NO_REQUEST: Final = frozenset({Reading.FRESH, Reading.BETWEEN, Reading.RESTING})
