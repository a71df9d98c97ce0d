"""Payment card numbers: an issuer's range and length, the Luhn check digit, and a grouping as on cards.

Left alone: digit runs that are longer or shorter, and sequences of sizes or years (`36 38 40 42 …`). One in
ten of the other sixteen-digit numbers of an issuer's range passes the check digit; nothing tells those from
cards.
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.scrub.found import Span
from gatekeeper.scrub.shapes.digits import ENOUGH, groups, runs
from gatekeeper.scrub.tables import table

_LONGEST = 19
_GAP = 2  # separators between two groups
_GROUPINGS = frozenset(
    [(size,) for size in range(14, _LONGEST + 1)]
    + [(4, 4, 4, 4), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3)]
    + [(4, 6, 5), (4, 6, 4), (8, 8)]
)
_OPENINGS = frozenset(sizes[0] for sizes in _GROUPINGS)
_RANGES = [(row["first"], row["last"], frozenset(row["lengths"])) for row in table(__package__, "card.toml")["ranges"]]
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def find(text: str) -> Iterator[Span]:
    """Each number as `card`."""
    if not ENOUGH.search(text):
        return
    for begin, stop in runs(text):
        parts = groups(text, begin, stop)
        taken = 0
        for first in range(len(parts)):
            if first < taken or parts[first][1] - parts[first][0] not in _OPENINGS:
                continue
            last = _card(text, parts, first)
            if last is not None:
                yield Span(parts[first][0], parts[last][1], "card")
                taken = last + 1


def _card(text: str, parts: list[tuple[int, int]], first: int) -> int | None:
    """Index of the last group of the longest card number that begins with group `first`."""
    sizes: list[int] = []
    number = ""
    best = None
    for index in range(first, len(parts)):
        start, end = parts[index]
        if len(number) + end - start > _LONGEST or (sizes and start - parts[index - 1][1] > _GAP):
            break
        sizes.append(end - start)
        number += text[start:end]
        if tuple(sizes) in _GROUPINGS and _issued(number) and _luhn(number):
            best = index
    return best


def _issued(number: str) -> bool:
    return any(len(number) in lengths and first <= number[: len(first)] <= last for first, last, lengths in _RANGES)


def _luhn(number: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    digits = map(int, reversed(number))
    return sum(_DOUBLED[digit] if place % 2 else digit for place, digit in enumerate(digits)) % 10 == 0
