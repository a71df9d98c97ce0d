"""Bit strings as the IAB writes them: base64url characters of six bits each, numbers packed without gaps.

Contract: `Bits` reads forward, never past its end; every short or impossible read raises
`UnreadableError`. All work is linear in the length of the text, and the longest text read is `LONGEST`
characters.
Source: RFC 4648 section 5 for the alphabet; for the Fibonacci numbers
https://github.com/InteractiveAdvertisingBureau/Global-Privacy-Platform/blob/b27beb4/Core/Consent%20String%20Specification.md
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

from gatekeeper.signals.encoding import LONGEST, UnreadableError

_ALPHABET = re.compile(r"[A-Za-z0-9_-]+={0,2}")
_HIGHEST_ID = 0xFFFF  # vendor and section ids are 16 bits wide everywhere


@dataclass(frozen=True, slots=True)
class Ids:
    """A set of small numbers (purposes, vendors), kept the way the string has it.

    Either a bit field (`size` bits in `field`, the first bit is id 1) or intervals (`spans`, both ends
    included). Intervals are never expanded: 4,095 of them could name 65,535 ids each.
    """

    field: int = 0
    size: int = 0
    spans: tuple[tuple[int, int], ...] = ()

    def __contains__(self, number: int) -> bool:
        if self.size:
            return 1 <= number <= self.size and bool(self.field >> (self.size - number) & 1)
        return any(first <= number <= last for first, last in self.spans)

    def intervals(self) -> tuple[tuple[int, int], ...]:
        """All ids as ascending intervals that neither touch nor overlap."""
        if self.size:
            runs = re.finditer("1+", format(self.field, f"0{self.size}b"))
            return tuple((run.start() + 1, run.end()) for run in runs)
        merged: list[tuple[int, int]] = []
        for first, last in sorted(self.spans):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        return tuple(merged)


NO_IDS = Ids()


class Bits:
    """A cursor over the bits of one base64url text."""

    __slots__ = ("at", "text")

    def __init__(self, encoded: str) -> None:
        """Decode `encoded`; trailing `=` is tolerated, every other foreign character is `UnreadableError`."""
        if len(encoded) > LONGEST:
            raise UnreadableError("longer than any consent string may be")
        if _ALPHABET.fullmatch(encoded) is None:
            raise UnreadableError("not base64url")
        characters = encoded.rstrip("=")
        standard = characters.replace("-", "+").replace("_", "/") + "A" * (-len(characters) % 4)
        raw = binascii.a2b_base64(standard)
        self.text = format(int.from_bytes(raw), f"0{len(raw) * 8}b")[: len(characters) * 6]
        self.at = 0

    def take(self, width: int) -> str:
        """The next `width` bits as the characters 0 and 1."""
        end = self.at + width
        if end > len(self.text):
            raise UnreadableError("truncated")
        taken = self.text[self.at : end]
        self.at = end
        return taken

    def number(self, width: int) -> int:
        """The next `width` bits as an unsigned number, most significant bit first."""
        return int(self.take(width), 2)

    def flag(self) -> bool:
        """Read the next bit."""
        return self.take(1) == "1"

    def field(self, size: int) -> Ids:
        """The next `size` bits as a set: the first bit is id 1."""
        return Ids(self.number(size), size) if size else NO_IDS

    def ranges(self, highest: int) -> Ids:
        """A range list of the TCF (12-bit count, 16-bit ids); no id may be 0 or above `highest`."""
        spans = []
        for _ in range(self.number(12)):
            if self.take(1) == "1":
                both = self.take(32)
                first, last = int(both[:16], 2), int(both[16:], 2)
            else:
                first = last = self.number(16)
            if first == 0:
                raise UnreadableError("a range with vendor id 0")
            if last < first:
                raise UnreadableError("a range that ends before it starts")
            if last > highest:
                raise UnreadableError("a vendor id above the highest one announced")
            spans.append((first, last))
        return Ids(spans=tuple(spans))

    def vendors(self) -> Ids:
        """A vendor section: MaxVendorId, the kind of encoding, then a bit field or ranges."""
        highest = self.number(16)
        return self.ranges(highest) if self.flag() else self.field(highest)

    def fibonacci(self) -> int:
        """One Fibonacci-coded number, at least 1."""
        end = self.text.find("11", self.at)
        if end < 0:
            raise UnreadableError("truncated")
        value, weight, following = 0, 1, 2
        for digit in self.text[self.at : end + 1]:
            if digit == "1":
                value += weight
            weight, following = following, weight + following
            if weight > _HIGHEST_ID << 1:
                raise UnreadableError("a number larger than any id")
        self.at = end + 2
        return value

    def fibonacci_ranges(self, most: int) -> tuple[int, ...]:
        """A range list of the GPP as ascending ids; more than `most` of them are `UnreadableError`."""
        ids: list[int] = []
        last = 0
        for _ in range(self.number(12)):
            is_span = self.flag()
            first = last + self.fibonacci()
            last = first + self.fibonacci() if is_span else first
            if last - first >= most or len(ids) + last - first >= most:
                raise UnreadableError("more ids than the string has parts")
            ids.extend(range(first, last + 1))
        return tuple(ids)
