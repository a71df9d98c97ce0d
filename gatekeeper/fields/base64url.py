"""Base64 for URLs without padding (RFC 4648 section 5, 3.2), as our tokens and digests are written. Pure.

Strict: of all texts that a lenient reader takes for the same bytes, only the one that `write` makes is read. So what is
signed has one spelling, and what is refused in one spelling cannot come again in another.
"""

from __future__ import annotations

import base64


def write(raw: bytes) -> str:
    """The text for bytes."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def read(text: str) -> bytes:
    """The bytes of a text. Raises ValueError for any text that `write` does not make."""
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if write(raw) != text:
        raise ValueError("the text is not base64url as it is written here")
    return raw
