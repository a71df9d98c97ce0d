"""Words that hold text in base64 (standard or URL-safe) or hexadecimal.

A word may begin anywhere in a longer run of the alphabet (`/` and `-` belong to it), so a run is also decoded
from each of the four places a quad can begin at. Most runs are turned away by the characters they lack: an at
sign and a pair of digits leave their mark in base64 whatever the alignment.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Callable, Iterator

from gatekeeper.scrub.found import Span

SHORTEST = 8  # eight characters of base64 hold six: a@b.co
_RUN = re.compile(r"[A-Za-z0-9+/_\-]{8,}")
_HEX = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{12,}")
# "@" is 0x40, digits are 0x3?: the sextets they give as first, second and third byte of a triple.
AT_OR_DIGITS = re.compile(
    "Q[A-P]|[EUk0][A-D]|[BFJNRVZdhlptx159]A|[MNO][DTjz]|[DTjz][AEIMQUYcgkosw048][wxyz0-5]|[wxyz0-5][MNO]"
)
# Digits of other scripts are two or three bytes each, and so make a long word of all kinds of characters.
_OTHER_DIGITS = re.compile("(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9]).{16}")
# Three letters side by side, as one quad; and what base64 of text nearly always has.
_LETTERS = re.compile("[Q-Za-f][E-HU-Xk-n0-3][BFJNRVZdhlptx159]")
_MIXED = re.compile(".[A-Z0-9]")
_PLAIN = re.compile(r"[A-Za-z0-9.@_ -]{5}")  # in what is not readable as a whole: as much as a value has
_ALL_KINDS = re.compile("(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9])")
_DIGITS_OF_HEX = re.compile("[0-9A-Fa-f-]+")
_WORD = re.compile(r"[A-Za-z0-9]{8,}")
_PART = re.compile("[^/]{8,}")
_CONTROL = re.compile("[\0-\x08\x0e-\x1f\x7f-\x9f\ufffd]")
_CONTROL_BYTE = re.compile(rb"[\0-\x08\x0e-\x1f\x7f]")

# What a decoded text holds, if anything; the flag tells whether all of it is readable, not only a part.
Holds = Callable[[str, bool], str | None]


def suspicious(text: str) -> bool:
    """Whether there is a word that may be base64 of an address or a number. (Hexadecimal: `find` alone.)"""
    for run in _RUN.findall(text):  # noqa: SIM110  # a generator would take as long as the search
        if AT_OR_DIGITS.search(run) or _OTHER_DIGITS.match(run):
            return True
    return False


def find(text: str, holds: Holds) -> Iterator[Span]:
    """The words of `text` that hold a shape, each as that shape."""
    for match in _RUN.finditer(text):
        run, begin = match.group(), match.start()
        shifts = 4 if AT_OR_DIGITS.search(run) else 1
        if shifts == 1 and not _OTHER_DIGITS.match(run):
            continue
        found = False
        for pattern in (_WORD, _PART):
            for word in pattern.finditer(run):
                shape = _shape(word.group(), holds, shifts if pattern is _PART else 1)
                if shape:
                    yield Span(begin + word.start(), begin + word.end(), shape)
                    found = True
            if found:
                break
        # A slash may be a character of the base64 itself; only then is the whole run its carrier.
        if not found and "/" in run and (shape := _shape(run, holds, shifts)):
            yield Span(begin, match.end(), shape)
    for start, end, inner, clean in in_hex(text):
        if shape := holds(inner, clean):
            yield Span(start, end, shape)


def words(text: str) -> Iterator[tuple[int, int, str, bool]]:
    """Each word that may be base64 or hexadecimal: start, end, what it would hold, and whether that is readable.

    A word is read from each of the four places a quad can begin at. Words of one letter case without digits are none.
    """
    for match in _RUN.finditer(text):
        run, begin = match.group(), match.start()
        if not _may_hold_text(run):
            continue
        parts = [(part.start(), part.end()) for part in _PART.finditer(run)]
        if "/" in run and _ALL_KINDS.match(run):
            parts.append((0, len(run)))  # a slash may be a character of the base64 itself
        for start, end in parts:
            word = run[start:end]
            if not _may_hold_text(word):
                continue
            for shift in range(min(4, len(word) - SHORTEST + 1)):
                inner = _decoded(word[shift:])
                clean = not _CONTROL.search(inner)
                if clean or _PLAIN.search(inner):
                    yield begin + start, begin + end, inner, clean
    yield from in_hex(text)


def readable(word: str) -> str | None:
    """What a base64 word holds, if that is text without control characters."""
    inner = _decoded(word)
    return None if _CONTROL.search(inner) else inner


def _may_hold_text(word: str) -> bool:
    """Whether base64 of a text may look so; most words of prose and of paths do not."""
    if not (_ALL_KINDS.match(word) or (_MIXED.search(word) and _LETTERS.search(word))):
        return False
    return not _DIGITS_OF_HEX.fullmatch(word)


def in_hex(text: str) -> Iterator[tuple[int, int, str, bool]]:
    """Each run of hexadecimal digits, as `words` gives them; of an odd number the first or the last is left out."""
    for match in _HEX.finditer(text):
        run = match.group()
        for pairs in (run,) if len(run) % 2 == 0 else (run[:-1], run[1:]):
            inner = bytes.fromhex(pairs).decode("utf-8", "replace")
            yield match.start(), match.end(), inner, not _CONTROL.search(inner)


def _shape(word: str, holds: Holds, shifts: int) -> str | None:
    for shift in range(min(shifts, len(word) - SHORTEST + 1)):
        raw = _bytes(word[shift:])
        if shifts == 1 and _CONTROL_BYTE.search(raw):  # fast: most words that are none end here
            continue
        inner = raw.decode("utf-8", "replace")
        clean = not _CONTROL.search(inner)
        if (clean or shifts > 1) and (shape := holds(inner, clean)):
            return shape
    return None


def _decoded(word: str) -> str:
    return _bytes(word).decode("utf-8", "replace")


def _bytes(word: str) -> bytes:
    """What is in base64, padded or not; a last character that is too many is dropped."""
    word = word.replace("-", "+").replace("_", "/")
    return a2b_base64(word[:-1] if len(word) % 4 == 1 else word + "==")
