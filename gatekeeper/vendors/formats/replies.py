"""Vendors' answers as the caller of a rewritten call may see them. Pure.

A `Reply` says which keys count events, which hold the number of an event, and which list has an entry for each: all of
them come out as if nothing had been dropped. Secrets of the policy are taken out of every text. What is no JSON is an
error without a body.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from gatekeeper.model import Answer
from gatekeeper.vendors.dialect import Kept
from gatekeeper.vendors.formats import answers

JSON: Final = (("Content-Type", "application/json"),)
LONGEST: Final = 2048  # characters of one text
_DEEPEST: Final = 12


def json_answer(told: object, status: int = 200) -> Answer:
    """An answer in JSON."""
    return Answer(status, JSON, orjson.dumps(told))


def unreadable(answer: Answer) -> Answer:
    """An answer nobody could read: 502 where it claimed success, else its status and when to come back."""
    wait = answers.retry_after(answer)
    headers = () if wait is None else (("Retry-After", str(int(wait))),)
    return Answer(502 if answer.status < 300 else answer.status, headers)


class Words:
    """Texts without the policy's secrets, and the caller's number of each event that was sent."""

    __slots__ = ("_secrets", "dropped", "numbers")

    def __init__(self, kept: Sequence[Kept | None]) -> None:
        self.numbers = [n for n, one in enumerate(kept) if one is not None]
        self.dropped = len(kept) - len(self.numbers)
        sent = next((one for one in kept if one is not None), None)
        secrets = {} if sent is None else sent.shaping.to.secrets
        self._secrets = tuple(one.value for one in secrets.values() if one.value)

    def text(self, value: str) -> str:
        """The text as the caller may see it."""
        for secret in self._secrets:
            value = value.replace(secret, "…")
        return value[:LONGEST]

    def number(self, n: object) -> object:
        """The caller's number of an event; anything else as it is."""
        known = isinstance(n, int) and not isinstance(n, bool) and 0 <= n < len(self.numbers)
        return self.numbers[n] if known and isinstance(n, int) else n


@dataclass(frozen=True, slots=True)
class Reply:
    """What a vendor's answers say of events. `filler` stands for an event that was dropped in the list at `rows`."""

    counts: frozenset[str] = frozenset()
    indexes: frozenset[str] = frozenset()
    rows: str | None = None
    filler: Mapping[str, object] = field(default_factory=dict)

    def relayed(self, answer: Answer, kept: Sequence[Kept | None]) -> Answer:
        """The answer in the caller's numbering; an empty one as it is."""
        if not answer.body and answer.status < 300:
            return Answer(answer.status)
        try:
            said = orjson.loads(answer.body)
        except ValueError:
            return unreadable(answer)
        if not isinstance(said, dict):
            return unreadable(answer)
        wait = answers.retry_after(answer)
        headers = JSON if wait is None else (*JSON, ("Retry-After", str(int(wait))))
        told = self._told(said, "", Words(kept), _DEEPEST)
        return Answer(answer.status, headers, orjson.dumps(told))

    def _told(self, value: Any, key: str, words: Words, depth: int) -> Any:
        if depth == 0:
            return None
        if isinstance(value, dict):
            return {words.text(name): self._told(inner, name, words, depth - 1) for name, inner in value.items()}
        if isinstance(value, list):
            told = [self._told(inner, key, words, depth - 1) for inner in value]
            return self._filled(told, words) if key == self.rows and len(told) == len(words.numbers) else told
        if key in self.indexes:
            return words.number(value)
        if key in self.counts and isinstance(value, int) and not isinstance(value, bool):
            return value + words.dropped
        return words.text(value) if isinstance(value, str) else value

    def _filled(self, told: list[Any], words: Words) -> list[Any]:
        rows: list[Any] = [dict(self.filler) for _ in range(len(told) + words.dropped)]
        for n, one in zip(words.numbers, told, strict=True):
            rows[n] = one
        return rows
