"""Answers of Meta's Graph API, as the caller of a rewritten call may see them. Pure.

Success counts the events as the caller sent them; an error keeps the keys that SDKs read, with `data[N]` in its texts
in the caller's numbering and without any secret of the policy's. facebook-business reads `events_received`, `messages`
and `fbtrace_id`, and fails on an empty answer. Source: facebook_business.adobjects.serverside.event_response, read
2026-11-23.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import orjson

from gatekeeper.destinations import answers
from gatekeeper.model import Answer
from gatekeeper.native.dialect import Kept

_JSON: Final = (("Content-Type", "application/json"),)
_TRACE: Final = "AGatekeeperAnsweredThis"
_ERROR: Final = (
    "message", "type", "code", "error_subcode", "is_transient", "error_user_title", "error_user_msg", "fbtrace_id",
)  # fmt: skip
_INDEX: Final = re.compile(r"\bdata\[(\d{1,5})\]")


def taken(count: int) -> Answer:
    """What Meta would say of `count` good events."""
    body = orjson.dumps({"events_received": count, "messages": [], "fbtrace_id": _TRACE})
    return Answer(200, _JSON, body)


def relayed(answer: Answer, kept: Sequence[Kept | None]) -> Answer:
    """Meta's answer in the caller's numbering; what cannot be read is 502 without a body, or its own status."""
    wait = answers.retry_after(answer)
    headers = (*_JSON, *((("Retry-After", str(int(wait))),) if wait is not None else ()))
    try:
        said: Any = orjson.loads(answer.body)
        error = said.get("error")
    except (ValueError, AttributeError):
        return Answer(502 if answer.status < 300 else answer.status, headers[1:])
    words = _Words(kept)
    if isinstance(error, dict):
        told = {key: words.of(error[key]) for key in _ERROR if key in error}
        return Answer(answer.status, headers, orjson.dumps({"error": told}))
    if not 200 <= answer.status < 300:
        return Answer(answer.status, headers[1:])
    received = said.get("events_received")
    dropped = sum(one is None for one in kept)
    count = received + dropped if isinstance(received, int) and 0 <= received <= len(kept) else len(kept)
    messages = said.get("messages")
    told = {
        "events_received": count,
        "messages": [words.of(one) for one in messages if isinstance(one, str)] if isinstance(messages, list) else [],
        "fbtrace_id": words.of(said.get("fbtrace_id", _TRACE)),
    }
    return Answer(answer.status, headers, orjson.dumps(told))


class _Words:
    """Vendor's texts: numbers of events as the caller counts them, secrets of the policy taken out."""

    __slots__ = ("_numbers", "_secrets")

    def __init__(self, kept: Sequence[Kept | None]) -> None:
        self._numbers = [n for n, one in enumerate(kept) if one is not None]
        sent = next((one for one in kept if one is not None), None)
        self._secrets = (
            () if sent is None else tuple(one.value for one in sent.shaping.to.secrets.values() if one.value)
        )

    def of(self, value: object) -> object:
        """The text as the caller may see it; numbers and booleans are themselves, anything else is nothing."""
        if isinstance(value, (bool, int)):
            return value
        if not isinstance(value, str):
            return None
        for secret in self._secrets:
            value = value.replace(secret, "…")
        return _INDEX.sub(self._number, value[:2048])

    def _number(self, match: re.Match[str]) -> str:
        n = int(match[1])
        return f"data[{self._numbers[n]}]" if n < len(self._numbers) else match[0]
