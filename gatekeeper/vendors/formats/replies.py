"""Vendors' answers, and what the caller of a rewritten call may see of them. Pure.

A `Reply` is one part of a format: the vendor's success, and its answers in the caller's own numbering. Secrets of the
policy are taken out of every text. What cannot be read is an error without a body.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from gatekeeper.model import Answer, Outcome
from gatekeeper.vendors.dialect import Kept, Native
from gatekeeper.vendors.formats import answers
from gatekeeper.vendors.formats.usual import nothing

JSON: Final = (("Content-Type", "application/json"),)
GIF: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_LONGEST: Final = 2048  # characters of one text
_DEEPEST: Final = 24

Headers = tuple[tuple[str, str], ...]


def json_answer(value: object, status: int = 200, headers: Headers = JSON) -> Answer:
    """An answer in JSON."""
    return Answer(status, headers, orjson.dumps(value))


def text_answer(body: bytes, status: int = 200) -> Answer:
    """An answer in plain text."""
    return Answer(status, (("Content-Type", "text/plain"),), body)


def gif_answer(picture: bytes = GIF) -> Answer:
    """An answer with the transparent pixel of one dot."""
    return Answer(200, (("Content-Type", "image/gif"),), picture)


def parsed(answer: Answer) -> dict[str, Any] | None:
    """The JSON object in an answer; `None` if it holds anything else."""
    try:
        value = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def wait(answer: Answer) -> Headers:
    """The vendor's Retry-After for the caller, in seconds."""
    seconds = answers.retry_after(answer)
    return () if seconds is None else (("Retry-After", str(int(seconds))),)


def refused(answer: Answer) -> Answer:
    """A failure as the caller may see it: the status, and when to come back."""
    return Answer(answer.status, wait(answer))


def unreadable(answer: Answer) -> Answer:
    """An answer that cannot be read: 502 where it claimed success, else its status, and when to come back."""
    return Answer(502 if answer.status < 300 else answer.status, wait(answer))


def status_only(answer: Answer) -> Answer:
    """The status, for a page that waits for nothing else."""
    return Answer(answer.status)


def masked(text: str, secrets: Sequence[str], mask: str = "…") -> str:
    """A text without these secrets. An empty secret is in no text."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, mask)
    return text


class Words:
    """Texts without the policy's secrets, and the caller's number of each event that was sent."""

    __slots__ = ("_mask", "_secrets", "dropped", "numbers")

    def __init__(self, kept: Sequence[Kept | None], mask: str = "…") -> None:
        self.numbers = [n for n, one in enumerate(kept) if one is not None]
        self.dropped = len(kept) - len(self.numbers)
        sent = next((one for one in kept if one is not None), None)
        secrets = {} if sent is None else sent.shaping.to.secrets
        self._secrets = tuple(secret.value for secret in secrets.values())
        self._mask = mask

    def text(self, value: str) -> str:
        """The text as the caller may see it."""
        return masked(value, self._secrets, self._mask)[:_LONGEST]

    def number(self, n: object) -> object:
        """The caller's number of an event; anything else unchanged."""
        known = isinstance(n, int) and not isinstance(n, bool) and 0 <= n < len(self.numbers)
        return self.numbers[n] if known and isinstance(n, int) else n


def cleaned(
    value: Any, text: Callable[[str], str], change: Callable[[str, Any], Any], key: str = "", depth: int = 0
) -> Any:
    """A JSON value with every text in it as `text` gives it; `change` gets each key and what stands there."""
    if depth > _DEEPEST:
        return None
    if isinstance(value, dict):
        value = {text(name): cleaned(inner, text, change, name, depth + 1) for name, inner in value.items()}
    elif isinstance(value, list):
        value = [cleaned(inner, text, change, key, depth + 1) for inner in value]
    elif isinstance(value, str):
        value = text(value)
    return change(key, value)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A vendor's answers about the events of a batch, as if none had been dropped.

    `counts` are keys that count events, `indexes` keys that hold the number of one. The list at `rows` has an entry
    for each event, `filler` for one that was dropped.
    """

    counts: frozenset[str] = frozenset()
    indexes: frozenset[str] = frozenset()
    rows: str | None = None
    filler: Mapping[str, object] = field(default_factory=dict)

    def __call__(self, answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer:
        """The answer in the caller's numbering; an empty success unchanged."""
        if not answer.body and answer.status < 300:
            return Answer(answer.status)
        said = parsed(answer)
        if said is None:
            return unreadable(answer)
        words = Words(kept)

        def change(key: str, value: Any) -> Any:
            if isinstance(value, list):
                own = key == self.rows and len(value) == len(words.numbers)
                return self._filled(value, words) if own else value
            if key in self.indexes:
                return words.number(value)
            counts = key in self.counts and isinstance(value, int) and not isinstance(value, bool)
            return value + words.dropped if counts else value

        return json_answer(cleaned(said, words.text, change), answer.status, (*JSON, *wait(answer)))

    def _filled(self, entries: list[Any], words: Words) -> list[Any]:
        rows: list[Any] = [dict(self.filler) for _ in range(len(entries) + words.dropped)]
        for n, entry in zip(words.numbers, entries, strict=True):
            rows[n] = entry
        return rows


@dataclass(frozen=True, slots=True)
class Reply:
    """What the vendor answers: `taken` is its success, for calls that were dropped, too.

    `relay` makes the caller's answer out of the vendor's; where it gives `None`, a status in `success` becomes `taken`
    and any other what `refusal` makes of it. `fates` says what became of each event.
    """

    taken: Callable[[Native], Answer]
    relay: Callable[[Answer, Native, Sequence[Kept | None]], Answer | None] = nothing
    refusal: Callable[[Answer], Answer] = refused
    success: range = range(200, 300)
    fates: Callable[[Answer, int], tuple[Outcome, ...]] = answers.by_status

    def relayed(self, answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer:
        """The vendor's answer as the caller may see it."""
        own = self.relay(answer, native, kept)
        if own is not None:
            return own
        return self.taken(native) if answer.status in self.success else self.refusal(answer)
