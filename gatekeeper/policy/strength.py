"""How hard a secret is to guess. Pure. A text in, whether it can have 128 bits out.

A text does not show how it was made. So it is given what it has at most: the bits of its alphabet for each letter,
and nothing where the same few letters come again and again.
"""

from __future__ import annotations

import math
import re
from typing import Final

BITS: Final = 128.0
_DIFFERENT: Final = 8  # letters that 32 random hexadecimal digits have, but for one time in a million
_ALPHABETS: Final = ((r"[0-9]", 10), (r"[a-z]", 26), (r"[A-Z]", 26), (r"[^0-9A-Za-z]", 10))


def is_strong(secret: str) -> bool:
    """Whether a secret can have 128 bits: 32 hexadecimal digits, 22 letters and digits of both cases, or more."""
    if re.fullmatch(r"[0-9a-f]+|[0-9A-F]+", secret):
        alphabet = 16
    elif re.search(r"[a-z]", secret) and re.search(r"[A-Z]", secret):
        alphabet = 64  # base64, which need not hold a digit
    else:
        alphabet = sum(size for pattern, size in _ALPHABETS if re.search(pattern, secret))
    return bool(secret) and len(secret) * math.log2(alphabet) >= BITS and len(set(secret)) >= _DIFFERENT
