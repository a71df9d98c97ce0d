"""Telephone numbers: E.164 and the national ways of writing that cannot be mistaken for something else.

`00` and a country code without separators count where the number is one that its country gives out. Any other
bare run of digits is a number only after a word that says so (`tel`, `电话` …, in `phone.toml`): without
that, nothing tells it from an order number, an EAN or a time stamp. With separators, these are known:
`+` or `00` and a country code; North American 3-3-4; an area code in brackets; a leading zero and 9 to 12
digits; Chinese 3-4-4, Indian 5-5, Spanish 3-2-2-2, Russian 8-3-3-2-2.

Left alone: dates, amounts (`+10 000 000`), US postcodes, shops' order numbers (`09-88937-12759`), rows of
numbers, and article numbers that letters lead (`AB-212-555-0123`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers

from gatekeeper.scrub.found import Span
from gatekeeper.scrub.shapes.digits import ENOUGH, groups, runs
from gatekeeper.scrub.tables import table

_SHORTEST, _LONGEST = 7, 15  # digits; fifteen is E.164's limit
_BEFORE = 48  # characters that are read for a word

_FORMS = {
    # name: pattern, fewest and most digits
    "code": (r"\+\(?[1-9]\d{0,3}\)?(?:(?:[ \t.\-/()]{0,4}|\+)\d){5,14}(?!\d)", 8, 15),
    "zeros": (r"00 ?[1-9]\d{0,2}(?:[ .\-/()+]{1,3}\d{1,9}){1,6}", 10, 15),
    "american": (
        r"(?:1[ .\-+]{1,2})?(?:\([2-9]\d\d\)[ .\-+]{0,2}[2-9]\d\d[ .\-+]"
        r"|[2-9]\d\d/[2-9]\d\d-|[2-9]\d\d(?P<mark>[ .\-+])[2-9]\d\d(?P=mark))\d{4}",
        10,
        11,
    ),
    "trunk_in_brackets": (r"\(0\d{0,4}\)[ .\-/+]{0,2}\d{2,8}(?:[ .\-/+]\d{2,5}){0,4}", 8, 13),
    "brackets": (r"(?:[78][ \-]?)?\([1-9]\d\d?\)[ .\-/+]{0,2}\d{2,8}(?:[ .\-/+]\d{2,5}){0,4}", 9, 13),
    "trunk": (r"0[1-9]\d{0,4}(?: ?[/\-] ?|[ .+])\d{2,9}(?:[ .\-/+]\d{2,5}){0,4}", 9, 12),
    "chinese": (r"1[3-9]\d[ \-+]\d{4}[ \-+]\d{4}", 11, 11),
    "indian": (r"[6-9]\d{4}[ +]\d{5}", 10, 10),
    "spanish": (r"[6-9]\d\d(?:[ .\-+]\d\d){3}", 9, 9),
    "russian": (r"8[ \-+]9\d\d[ \-+]\d{3}[ \-+]\d\d[ \-+]?\d\d", 11, 11),
}
_NATIONAL = "|".join(f"(?P<{name}>{pattern})" for name, (pattern, _, _) in _FORMS.items() if name != "code")
_NUMBER = re.compile(
    rf"(?<![A-Za-z0-9_])(?:(?P<code>{_FORMS['code'][0]})"
    rf"|(?<![A-Za-z]-)(?<!\d[.\-/,:])(?:{_NATIONAL})(?!\d)(?![.\-/:,]\d))"
)
# Zeros and a country code without a space: only numbers that are given out, so that order numbers stay.
_BARE_ZEROS = re.compile(r"(?<![A-Za-z0-9_.\-/+#])00[1-9]\d{8,13}(?![\d\-/]|\.\d)")
_SEPARATED = re.compile(r"\d[ .\-/()+\t]{1,4}\d|\+")
_DATE = re.compile(r"0?\d[.\-/]\d\d[.\-/](?:19|20)\d\d(?!\d)")
_ORDER = re.compile(r"\d\d-\d{5}-\d{5}\Z|(?!08)\d{4}(?:[ .\-]\d{4}){2}\Z")  # as shops number their orders
_AMOUNT = re.compile(r"\+(?:\d{1,3}(?:[ .,]\d{3})*[ .,]000|\d+[.,]\d\d?)\Z|0\d+\.\d+\Z")
_PAIRS = re.compile(r"\d\d(?:.\d\d){5,}\Z")  # a dump of bytes; numbers in pairs have five
_ZIP = re.compile(r"\d{5}-\d{4}\Z")  # a US postcode with its four further digits

_WORDS = table(__package__, "phone.toml")


def _any_of(words: list[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(set(words), key=len, reverse=True))


_LABELS = _any_of([word for row in _WORDS["words"].values() for word in row])
SAYS_SO = (*[word for row in _WORDS["words"].values() for word in row], *_WORDS["fillers"])
"""The words behind which a bare run of digits is a number, and those that stand between."""
_BETWEEN = r"[\s:=.,\"'#*_>)+(]"
_ANNOUNCED = re.compile(
    rf"(?:(?<![^\W_])|(?<=[\u0e00-\u9fff]))(?<!\[)(?:{_LABELS})"
    rf"(?:{_BETWEEN}{{1,4}}(?:{_any_of(_WORDS['fillers'])}))?{_BETWEEN}{{0,4}}\Z",
    re.IGNORECASE,
)


def find(text: str) -> Iterator[Span]:
    """Each number as `phone`."""
    if not ENOUGH.search(text):
        return
    if _SEPARATED.search(text):
        for match in _NUMBER.finditer(text):
            _, fewest, most = _FORMS[match.lastgroup or "code"]
            digits = sum(map(str.isdigit, match.group()))
            if fewest <= digits <= most and not _something_else(text, match):
                yield Span(match.start(), match.end(), "phone")
    if "00" in text:
        for match in _BARE_ZEROS.finditer(text):
            if not _is_gtin(match.group()) and _is_issued(match.group()[2:]):
                yield Span(match.start(), match.end(), "phone")
    for begin, stop in runs(text):
        yield from _announced(text, groups(text, begin, stop))


def _is_issued(digits: str) -> bool:
    """Whether a number with its country code is one that its country gives out."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse("+" + digits, None))
    except phonenumbers.NumberParseException:
        return False


def _is_gtin(digits: str) -> bool:
    """Whether fourteen digits have the check digit of an article number (GS1)."""
    return len(digits) == 14 and sum(int(digit) * (3 - 2 * (n % 2)) for n, digit in enumerate(digits)) % 10 == 0


def _something_else(text: str, match: re.Match[str]) -> bool:
    number = match.group()
    if any(pattern.match(number) for pattern in (_DATE, _AMOUNT, _ORDER, _ZIP, _PAIRS)):
        return True
    before = text[max(0, match.start() - 2) : match.start()]
    if "/" in number and before[-1:] == "/":  # segments of a path
        return True
    # One more number before it, in the same manner: a series, a table, a dump.
    return " " in number and number[0] not in "+(" and before[-1:] == " " and before[:1].isdigit()


def _announced(text: str, parts: list[tuple[int, int]]) -> Iterator[Span]:
    """The number at the head of a run, if a word before it says that it is one."""
    digits = 0
    end = 0
    for start, stop in parts:
        if digits + stop - start > _LONGEST or (end and start - end > 3):
            break
        digits += stop - start
        end = stop
    if digits < _SHORTEST or not parts[0][0]:
        return
    start = parts[0][0]
    if text[start - 1 : start] in ("+", "("):
        start -= 1
    if _ANNOUNCED.search(text[max(0, start - _BEFORE) : start]):
        yield Span(start, end, "phone")
