"""Telephone numbers: E.164 and the national ways of writing that cannot be mistaken for something else.

A bare run of digits is a number only after a word that says so (`tel`, `电话` …, in `phone.toml`): without
that, nothing tells it from an order number, an EAN or a time stamp. With separators, these are known:
`+` or `00` and a country code; North American 3-3-4; an area code in brackets; a leading zero and 9 to 12
digits; Chinese 3-4-4, Indian 5-5, Spanish 3-2-2-2, Russian 8-3-3-2-2.

Left alone: dates, thousands (`+10 000 000`), article numbers that letters lead (`AB-212-555-0123`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gatekeeper.scrub.found import Span
from gatekeeper.scrub.shapes.digits import ENOUGH, groups, runs
from gatekeeper.scrub.tables import table

_SHORTEST, _LONGEST = 7, 15  # E.164 allows fifteen digits; subscriber numbers of fewer than seven are no one's
_BEFORE = 48  # characters that are read for a word

_ALONE = r"(?<![A-Za-z0-9_])(?<![A-Za-z]-)(?<!\d[.\-/,:])"
_ENDS = r"(?!\d)(?![.\-/:,]\d)"
_SHAPES = (
    # pattern, fewest and most digits
    (r"(?<![A-Za-z0-9_])\+ ?\(?[1-9]\d{0,3}\)?(?:[ \t.\-/()+]{0,4}\d){5,14}(?!\d)", 8, 15),
    (_ALONE + r"00 ?[1-9]\d{0,2}(?:[ .\-/()+]{1,3}\d{1,9}){1,6}" + _ENDS, 10, 17),
    (
        _ALONE
        + r"(?:1[ .\-+]{1,2})?(?:\([2-9]\d\d\)[ .\-+]{0,2}|[2-9]\d\d[ .\-/+])[2-9]\d\d[ .\-+]\d{4}"
        + _ENDS,
        10,
        11,
    ),
    (
        _ALONE + r"(?:[78][ \-]?)?\((?:0\d{0,4}|[1-9]\d\d?)\)[ .\-/+]{0,2}\d{2,8}(?:[ .\-/+]\d{2,5}){0,4}" + _ENDS,
        8,
        13,
    ),
    (
        _ALONE + r"0[1-9]\d{0,4}(?: ?[/\-] ?|[ .+])\d{2,9}(?:[ .\-/+]\d{2,5}){0,4}" + _ENDS,
        9,
        12,
    ),
    (_ALONE + r"1[3-9]\d[ \-+]\d{4}[ \-+]\d{4}" + _ENDS, 11, 11),
    (_ALONE + r"[6-9]\d{4}[ \-+]\d{5}" + _ENDS, 10, 10),
    (_ALONE + r"[6-9]\d\d(?:[ .\-+]\d\d){3}" + _ENDS, 9, 9),
    (_ALONE + r"8[ \-+]9\d\d[ \-+]\d{3}[ \-+]\d\d[ \-+]?\d\d" + _ENDS, 11, 11),
)
_NUMBERS = [(re.compile(pattern), fewest, most) for pattern, fewest, most in _SHAPES]
_DATE = re.compile(r"0?\d[.\-/]\d\d[.\-/](?:19|20)\d\d(?!\d)")
_THOUSANDS = re.compile(r"\+ ?\d{1,3}(?:[ .,]\d{3})*[ .,]000\Z")

_WORDS = table(__package__, "phone.toml")


def _any_of(words: list[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(set(words), key=len, reverse=True))


_ANNOUNCED = re.compile(
    rf"(?:(?<![^\W_])|(?<=[\u0e00-\u9fff]))(?<!\[)(?:{_any_of([word for row in _WORDS['words'].values() for word in row])})"
    rf"(?:[\s:=.,\"'#*_>)+(]{{1,4}}(?:{_any_of(_WORDS['fillers'])}))?[\s:=.,\"'#*_>)+(]{{0,4}}\Z",
    re.IGNORECASE,
)


def find(text: str) -> Iterator[Span]:
    """Each number as `phone`."""
    if not ENOUGH.search(text):
        return
    for pattern, fewest, most in _NUMBERS:
        for match in pattern.finditer(text):
            number = match.group()
            if fewest <= sum(map(str.isdigit, number)) <= most and not _something_else(number):
                yield Span(match.start(), match.end(), "phone")
    for begin, stop in runs(text):
        yield from _announced(text, groups(text, begin, stop))


def _something_else(number: str) -> bool:
    return _DATE.match(number) is not None or _THOUSANDS.match(number) is not None


def _announced(text: str, parts: list[tuple[int, int]]) -> Iterator[Span]:
    """The number at the head of a run, if a word before it says that it is one."""
    digits = 0
    end = 0
    for start, stop in parts:
        if digits + stop - start > _LONGEST or (end and start - end > 3):
            break
        digits += stop - start
        end = stop
    if digits < _SHORTEST:
        return
    start = parts[0][0]
    if text[start - 1 : start] in ("+", "("):
        start -= 1
    if _ANNOUNCED.search(text[max(0, start - _BEFORE) : start]):
        yield Span(start, end, "phone")
