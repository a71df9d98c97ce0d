"""Request ids: `req_`, then 26 characters that sort by time and cannot be guessed."""

from __future__ import annotations

import secrets

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u


def request_id(at: float) -> str:
    """48 bits of milliseconds and 82 random bits (the layout of ULID), for a time in Unix seconds."""
    number = (int(at * 1000) & ((1 << 48) - 1)) << 82 | secrets.randbits(82)
    digits = []
    for _ in range(26):
        number, digit = divmod(number, 32)
        digits.append(_ALPHABET[digit])
    return "req_" + "".join(reversed(digits))


def milliseconds(request_id: str) -> int:
    """The time a request id of ours was made at, in Unix milliseconds."""
    number = 0
    for digit in request_id.removeprefix("req_"):
        number = number * 32 + _ALPHABET.index(digit)
    return number >> 82
