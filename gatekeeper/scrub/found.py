"""What the search gives: spans of text with the shape found there, and the text without them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

# A text that still changes after this many rounds is made to (replacing one shape bares the next), and goes whole.
ROUNDS = 6


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
    """Replace each span by its shape in brackets; spans that overlap become one, named after the longest."""
    pieces: list[str] = []
    found: dict[str, None] = {}
    done = 0
    for span in merged(spans):
        pieces += (text[done : span.start], f"[{span.shape}]")
        found[span.shape] = None
        done = span.end
    pieces.append(text[done:])
    return Scrubbed("".join(pieces), tuple(found))


def merged(spans: Iterable[Span]) -> list[Span]:
    """The spans in order, overlapping ones united."""
    out: list[Span] = []
    longest = 0
    for span in sorted(spans, key=lambda each: (each.start, -each.end)):
        size = span.end - span.start
        if out and span.start < out[-1].end:
            last = out[-1]
            shape = span.shape if size > longest else last.shape
            out[-1] = Span(last.start, max(last.end, span.end), shape)
            longest = max(longest, size)
        else:
            out.append(span)
            longest = size
    return out


def settled(text: str, step: Callable[[str], Scrubbed]) -> Scrubbed:
    """Repeat `step` until it finds nothing more: scrubbing what is scrubbed changes nothing.

    `step` must give back the very text when it has found nothing.
    """
    found: dict[str, None] = {}
    for _ in range(ROUNDS):
        result = step(text)
        if not result.found and result.text == text:
            return Scrubbed(text, tuple(found))
        found.update(dict.fromkeys(result.found))
        text = result.text
    return Scrubbed("[text]", (*found, "text"))
