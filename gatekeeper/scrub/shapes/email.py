"""E-mail addresses: something, an at sign (or several), a domain of two labels or more, in any script.

Also `jane.doe_at_example.com`, `jane(at)example.com` and `jane [at] example [dot] com`.
Left alone: names without a dot after the at sign (`@nike`, `user@localhost`), package versions
(`react@18.2.0`), pixel densities (`logo@2x.png`). Every at sign is looked at once and nothing is scanned
twice, so the time is linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gatekeeper.scrub.found import Span
from gatekeeper.scrub.shapes.characters import (
    LABEL_ANY,
    LABEL_SPACED,
    LETTER_ANY,
    LETTER_SPACED,
    LOCAL_ANY,
    LOCAL_SPACED,
    UNSPACED,
)

_QUOTED_LIMIT = 66  # RFC 5321, 4.5.3.1.1: a local part has 64 octets
_ATS = re.compile("@+")
_UNSPACED = re.compile(UNSPACED)
_DOMAIN = re.compile(f"{LABEL_SPACED}++(?:\\.{LABEL_SPACED}++)+|{LABEL_ANY}++(?:\\.{LABEL_ANY}++)+")
_TOP = re.compile(f"xn--[A-Za-z0-9-]+|{LETTER_SPACED}{{2,}}|{LETTER_ANY}{{2,}}")
_LITERAL = re.compile(r"\[[0-9A-Fa-f:.]{3,45}\]")
_NO_ADDRESS = re.compile(r"\d+\.\d+(?:[.\-]|\Z)|\d+(?:\.\d+)?x\.[A-Za-z]{2,5}\Z")
_LOCAL_SPACED, _LOCAL_ANY = re.compile(f"{LOCAL_SPACED}+"), re.compile(f"{LOCAL_ANY}+")
_OPENING = re.compile(f"{LABEL_ANY}|[_+!#$%^~*|-]")
# As mailing programs and people write it where no at sign may stand.
_WRITTEN_OUT = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9.+\-]|_(?!at_)){0,63}(?:_at_|[_ ]?[(\[{] ?at ?[)\]}][_ ]?)"
    r"[A-Za-z0-9](?:[A-Za-z0-9\-]|_(?!dot_)){0,62}"
    r"(?:(?:\.|_dot_|[_ ]?[(\[{] ?dot ?[)\]}][_ ]?)[A-Za-z0-9\-]{1,63}){0,3}"
    r"(?:\.|_dot_|[_ ]?[(\[{] ?dot ?[)\]}][_ ]?)(?!html?\b|php\b|jpe?g\b|png\b|pdf\b|js\b|css\b|aspx?\b)[A-Za-z]{2,18}",
    re.IGNORECASE,
)
_AT = re.compile(r"[(\[{] ?at ?[)\]}]")


def written_out(text: str) -> bool:
    """Whether there may be an address with a word for its at sign."""
    low = text.lower()
    return "_at_" in low or any(bracket in low and _AT.search(low) is not None for bracket in "([{")


def find(text: str) -> Iterator[Span]:
    """Each address as `email`."""
    if written_out(text):
        for match in _WRITTEN_OUT.finditer(text):
            yield Span(match.start(), match.end(), "email")
    if "@" not in text:
        return
    backwards = text[::-1]
    floor = 0  # never read again what an earlier address has taken
    for ats in _ATS.finditer(text):
        end = _domain_end(text, ats.end())
        if end is None:
            continue
        start = _local_start(text, backwards, ats.start(), floor)
        if start is None:
            continue
        while start > floor and text[start - 1] == "@":  # jane@doe@example.com
            further = _local_start(text, backwards, start - 1, floor)
            if further is None:
                break
            start = further
        yield Span(start, end, "email")
        floor = ats.end()


def _domain_end(text: str, start: int) -> int | None:
    """Where the domain that begins at `start` ends; `None` if none does."""
    literal = _LITERAL.match(text, start)
    if literal:
        return literal.end()
    match = _DOMAIN.match(text, start)
    if not match or _NO_ADDRESS.match(match.group()):
        return None
    end = match.end()
    while (dot := text.rfind(".", start, end)) > 0:
        top = _TOP.match(text, dot + 1, match.end())
        if top:
            return top.end()
        end = dot
    return None


def _local_start(text: str, backwards: str, end: int, floor: int) -> int | None:
    """Where the local part that ends at `end` begins; `None` if there is none."""
    if end == floor:
        return None
    if text[end - 1] == '"':
        opening = text.rfind('"', max(floor, end - _QUOTED_LIMIT), end - 1)
        if opening >= 0:
            return opening
    pattern = _LOCAL_ANY if _UNSPACED.match(text[end - 1]) else _LOCAL_SPACED
    size = len(text)
    match = pattern.match(backwards, size - end, size - floor)
    if not match:
        return None
    # A quote or bracket before the address belongs to the text around it.
    first = _OPENING.search(text, size - match.end(), end)
    return first.start() if first else None
