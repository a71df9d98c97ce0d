"""Names of fields that the catalogue does not know, as they may be told. Pure."""

from __future__ import annotations

import base64
import contextlib
import re
from functools import lru_cache
from typing import Final

UNPRINTABLE: Final = "(unprintable name)"
_NUMBERS = re.compile(r"\d{6}|(?<!\d)\d{1,3}(?:\.\d{1,3}){3}(?!\d)")  # a phone's, an address's
_WORD = re.compile(r"[A-Za-z0-9_-]{16,}")


def printable(name: str) -> str:
    """An unknown field's name as it may stand in an audit line: names can hold personal data too."""
    return UNPRINTABLE if len(name) > 64 else _printable(name)


@lru_cache(maxsize=1024)
def _printable(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.$-]*", name) or _NUMBERS.search(name):
        return UNPRINTABLE
    return UNPRINTABLE if any(_is_text(word) for word in _WORD.findall(name)) else name


def _is_text(word: str) -> bool:
    """Whether a word is a text in base64 or hexadecimal: of a name that never comes out by chance."""
    found = [base64.urlsafe_b64decode(word[: len(word) // 4 * 4])]
    with contextlib.suppress(ValueError):
        found.append(bytes.fromhex(word))
    return any(text.isascii() and text.decode("ascii").isprintable() for text in found)
