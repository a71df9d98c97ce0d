"""Answers of Meta's Graph API, as the caller of a rewritten call may see them. Pure.

Success counts the events as the caller sent them; an error keeps the keys that SDKs read, with `data[N]` in its texts
in the caller's numbering and without any secret of the policy's. facebook-business reads `events_received`, `messages`
and `fbtrace_id`, and fails on an empty answer. Source: facebook_business.adobjects.serverside.event_response, read
2026-11-23.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from gatekeeper.model import Answer
from gatekeeper.vendors.dialect import Kept
from gatekeeper.vendors.formats.replies import JSON, Words, json_answer, parsed, unreadable, wait

_TRACE: Final = "AGatekeeperAnsweredThis"
_ERROR: Final = (
    "message", "type", "code", "error_subcode", "is_transient", "error_user_title", "error_user_msg", "fbtrace_id",
)  # fmt: skip
_INDEX: Final = re.compile(r"\bdata\[(\d{1,5})\]")


def taken(count: int) -> Answer:
    """What Meta would say of `count` good events."""
    return json_answer({"events_received": count, "messages": [], "fbtrace_id": _TRACE})


def relayed(answer: Answer, kept: Sequence[Kept | None]) -> Answer:
    """Meta's answer in the caller's numbering; what cannot be read is 502 without a body, or its own status."""
    said = parsed(answer)
    if said is None:
        return unreadable(answer)
    words, error = Words(kept), said.get("error")
    if isinstance(error, dict):
        told = {key: _told(error[key], words) for key in _ERROR if key in error}
        return json_answer({"error": told}, answer.status, (*JSON, *wait(answer)))
    if not 200 <= answer.status < 300:
        return unreadable(answer)
    received = said.get("events_received")
    if isinstance(received, int) and 0 <= received <= len(kept):
        received += words.dropped
    else:
        received = len(kept)
    messages = said.get("messages")
    return json_answer(
        {
            "events_received": received,
            "messages": [_told(one, words) for one in messages if isinstance(one, str)]
            if isinstance(messages, list)
            else [],
            "fbtrace_id": _told(said.get("fbtrace_id", _TRACE), words),
        },
        answer.status,
    )


def _told(value: object, words: Words) -> object:
    """A text in the caller's numbering; numbers and booleans are themselves, anything else is nothing."""
    if isinstance(value, (bool, int)):
        return value
    if not isinstance(value, str):
        return None
    return _INDEX.sub(lambda match: f"data[{words.number(int(match[1]))}]", words.text(value))
