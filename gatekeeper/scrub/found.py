"""What the search gives: spans of text with the shape found there, and the text without them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

# Replacing one shape may bare another. A text that still does after so
# many rounds is made to, and goes whole.
ROUNDS = 3

# Of shapes that overlap, or that one word holds in another coat, the most exact one gives the name.
_RANK = (
    "jwt", "iban", "card", "email", "key", "ip", "phone", "token", "secret", "user", "name", "street", "date_of_birth",
    "last_name", "first_name",
)  # fmt: skip


class Span(NamedTuple):
    """`text[start:end]` holds `shape`."""

    start: int
    end: int
    shape: str


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """A text without the shapes in `found`: first what was cut from a URL, then shapes as they appear."""

    text: str = field(repr=False)  # what no shape gave away may still be personal
    found: tuple[str, ...] = ()


def without(text: str, spans: Iterable[Span]) -> Scrubbed:
    """Replace each span by its shape in brackets; spans that overlap become one."""
    pieces: list[str] = []
    found: dict[str, None] = {}
    done = 0
    for span in merged(spans):
        pieces += (text[done : span.start], f"[{span.shape}]")
        found[span.shape] = None
        done = span.end
    pieces.append(text[done:])
    return Scrubbed("".join(pieces), tuple(found))


def name_of(spans: Iterable[Span]) -> str:
    """The name for several shapes that are replaced together."""
    return min((span.shape for span in spans), key=_RANK.index)


def merged(spans: Iterable[Span]) -> list[Span]:
    """The spans in order, overlapping ones united."""
    out: list[Span] = []
    for span in sorted(spans):
        if out and span.start < out[-1].end:
            last = out.pop()
            span = Span(last.start, max(last.end, span.end), name_of((last, span)))
        out.append(span)
    return out


def settled(text: str, step: Callable[[str], tuple[Scrubbed, bool]]) -> Scrubbed:
    """Repeat `step` until it finds no shape any more: scrubbing what is scrubbed changes nothing.

    `step` also tells whether it replaced a shape; only that can bare another one.
    """
    result, again = step(text)
    if not again:
        return result
    found = dict.fromkeys(result.found)
    for _ in range(ROUNDS):
        result, again = step(result.text)
        found.update(dict.fromkeys(result.found))
        if not again:
            return Scrubbed(result.text, tuple(found))
    return Scrubbed("[text]", (*found, "text"))
