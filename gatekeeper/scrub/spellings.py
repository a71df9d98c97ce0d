"""How a declared value may be written. Pure. A name, address or date in, the words that it is looked for by out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gatekeeper.scrub.tables import table
from gatekeeper.scrub.views import View, folded, lettered, plain

_TABLE: Final = table(__package__, "taint.toml")
PARTICLES: Final = frozenset(_TABLE["particles"])
PLACEHOLDERS: Final = frozenset(_TABLE["placeholders"])

WORDS: Final = re.compile(r"[^\W\d_]+|[0-9]+")
_EXPANDED: Final = {
    ord(char): text
    for char, text in zip("äöüåøæœßþÄÖÜÅØÆŒ", "ae oe ue aa oe ae oe ss th ae oe ue aa oe ae oe".split(), strict=True)
}
_CONTRACTED: Final = re.compile("([aou])e|aa|ss")


def parts_of(value: str) -> list[str]:
    """The words and numbers of a text, in order."""
    return WORDS.findall(value)


def name_in(value: str) -> list[str]:
    """The parts of a name that is one: no placeholder, and no title alone."""
    parts = parts_of(value)
    return [] if "".join(parts) in PLACEHOLDERS or PARTICLES.issuperset(parts) else parts


def spellings(value: str) -> list[str]:
    """A value in plain letters: as it is, with umlauts written out, and with those that are taken back."""
    value = folded(View(value)).text
    base = lettered(View(value)).text
    found = {base: None}
    if not value.isascii():
        found[lettered(View(value.translate(_EXPANDED))).text] = None
    if len(base) > 5 and (short := _CONTRACTED.sub(lambda match: match.group()[0], base)) != base:
        found[short] = None
    return list(found)


def dates(value: str) -> Iterator[list[str]]:
    """A date in the orders and paddings that are usual."""
    groups = re.findall(r"\d+", plain(folded(View(value)).text))
    if len(groups) == 1 and len(groups[0]) == 8:
        digits = groups[0]
        groups = (
            [digits[:4], digits[4:6], digits[6:]]
            if digits[:2] in ("19", "20")
            else [digits[4:], digits[:2], digits[2:4]]
        )
    if len(groups) < 3 or sum(len(group) == 4 for group in groups[:3]) != 1:
        return
    year = next(group for group in groups[:3] if len(group) == 4)
    first, second = (int(group) for group in groups[:3] if group is not year)
    if not (1 <= first <= 31 and 1 <= second <= 31):
        return
    for one, two in ((first, second), (second, first)):
        yield [year, f"{one:02}", f"{two:02}"]
        yield [f"{one:02}", f"{two:02}", year]
        if one < 10 or two < 10:
            yield [year, str(one), str(two)]
            yield [str(one), str(two), year]
