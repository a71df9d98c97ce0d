"""Identifiers in which one look sees that there is no shape: `T-00123-123456`, `s_1795392000`, `SKU-3456`. Pure.

Letters, digits, `_` and `-` alone, of 31 characters at most, a letter first. Every shape needs a sign that is missing
here, or one of those that the pattern refuses:

    email, ip, jwt, home, secret     a character that is missing; `_at_`
    token                            32 characters
    card                             14 digits
    iban                             15 characters, two letters and two digits first
    phone                            a number that begins with the text, stands behind two separators, or behind a word
                                     that says so (`tel`)
    key                              a vendor's prefix
    base64                           characters that an at sign or digits leave
    hexadecimal                      12 digits: up to 15 are decoded, and what is no readable text has no room in its
                                     seven bytes for anything but an address, which has an at sign or an escape of one
"""

from __future__ import annotations

import re
from typing import Final

from gatekeeper.scrub import packed
from gatekeeper.scrub.shapes import key, phone

_LETTERS: Final = re.compile("[A-Za-z]+")
_PLAIN: Final = re.compile(
    r"(?=[A-Za-z_][A-Za-z0-9_-]{0,30}\Z)"
    r"(?!.*(?:[_-]-|[0-9A-Fa-f]{16}|_[Aa][Tt]_))"
    r"(?!(?:[^0-9]*[0-9]){14})"
    r"(?!(?=.{15}).*(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2})"
    r"(?!(?=.{16})(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9]))"
    rf"(?!.*(?:{packed.AT_OR_DIGITS.pattern}))"
    rf"(?!.*(?:{key.PREFIXES.pattern}))"
    ".*"
)
_HEX: Final = re.compile("[0-9A-Fa-f]{12}")
_SIGN: Final = re.compile(r"[@%\\&]")  # of an address, or of an escape
_BEFORE: Final = re.compile("([A-Za-z]+)_{0,4}[0-9]")
# How what announces a number may end; the text has ASCII letters alone.
_SAYS_SO: Final = tuple({words[-1] for text in phone.SAYS_SO if (words := _LETTERS.findall(text.lower()))})


def is_plain(text: str) -> bool:
    """Whether a text is such an identifier; never true of a text that holds a shape."""
    if _PLAIN.fullmatch(text) is None:
        return False
    if _HEX.search(text) and any(clean or _SIGN.search(inner) for _, _, inner, clean in packed.in_hex(text)):
        return False
    return not any(word.lower().endswith(_SAYS_SO) for word in _BEFORE.findall(text))
