"""IBANs: a country of the registry, the length it has there, and check digits (ISO 13616, mod 97).

In any letter case, in one piece or in groups with spaces, dashes or dots between. Length and check digits
leave one random string in some hundred thousand, so nothing is left alone on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gatekeeper.scrub.found import Span
from gatekeeper.scrub.shapes.digits import ENOUGH
from gatekeeper.scrub.tables import table

_LENGTHS: dict[str, int] = table(__package__, "iban.toml")["lengths"]
_HEAD = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?=[ \-.+]?[A-Za-z0-9])")
_GROUP = 4  # separators stand only between groups of four, or `de 10 a 20 …` would be tried too
_CHARACTER = re.compile("[A-Za-z0-9]")
_SEPARATED = re.compile(r"[ \-.+]?[A-Za-z0-9]")


def find(text: str) -> Iterator[Span]:
    """Each number as `iban`."""
    if not ENOUGH.search(text):
        return
    taken = 0
    for head in _HEAD.finditer(text):
        length = _LENGTHS.get(text[head.start() : head.start() + 2].upper())
        if length is None or head.start() < taken:
            continue
        number = head.group()
        end = head.end()
        while len(number) < length:
            match = (_CHARACTER if len(number) % _GROUP else _SEPARATED).match(text, end)
            if not match:
                break
            number += text[match.end() - 1]
            end = match.end()
        if len(number) == length and not _CHARACTER.match(text, end) and _checks(number):
            yield Span(head.start(), end, "iban")
            taken = end


def _checks(number: str) -> bool:
    """ISO 7064 mod 97-10: the head moved to the end, letters counted from ten."""
    return int("".join(str(int(char, 36)) for char in number[4:] + number[:4])) % 97 == 1
