"""Ids of requests (`req_`), of consent receipts (`con_`) and of erasures (`er_`).

Each has 26 characters more, that sort by time and cannot be guessed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_PAIRS: Final = tuple(first + second for first in _ALPHABET for second in _ALPHABET)  # ten bits each
_CHARACTERS: Final = bytes(ord(_ALPHABET[byte & 31]) for byte in range(256))  # five random bits of each random byte
_RANDOM: Final = 16  # characters of an id that are random from end to end; the two bits before them are as well
_PAGE: Final = 256


class _Pool:
    """Random bytes of the system, fetched a page at a time: each fetch lets other threads take the interpreter."""

    def __init__(self) -> None:
        self.fresh: Iterator[tuple[str, int]] = iter(())
        os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        """A forked child must not repeat its parent's."""
        self.fresh = iter(())

    def take(self) -> tuple[str, int]:
        """The next 82 random bits: characters for 80 of them, and a number of two."""
        for bits in self.fresh:
            return bits
        page = os.urandom(_PAGE * _RANDOM).translate(_CHARACTERS).decode("ascii")
        starts = range(0, len(page), _RANDOM)
        rest = os.urandom(_PAGE)
        self.fresh = iter([(page[at : at + _RANDOM], byte & 3) for at, byte in zip(starts, rest, strict=True)])
        return next(self.fresh)


_pool = _Pool()


def request_id(at: float) -> str:
    """48 bits of milliseconds and 82 random bits (the layout of ULID), for a time in Unix seconds."""
    return f"req_{_characters(at)}"


def receipt_id(at: float) -> str:
    """The id of a choice that was made at a time in Unix seconds: as a request's, behind `con_`."""
    return f"con_{_characters(at)}"


def erasure_id(at: float) -> str:
    """The id of a request for erasure that came in at a time in Unix seconds: as a request's, behind `er_`."""
    return f"er_{_characters(at)}"


def _characters(at: float) -> str:
    rest, bits = _pool.take()
    time = (int(at * 1000) & ((1 << 48) - 1)) << 2 | bits
    return (
        f"{_PAIRS[time >> 40]}{_PAIRS[time >> 30 & 1023]}{_PAIRS[time >> 20 & 1023]}"
        f"{_PAIRS[time >> 10 & 1023]}{_PAIRS[time & 1023]}{rest}"
    )


def milliseconds(request_id: str) -> int:
    """The time a request id of ours was made at, in Unix milliseconds."""
    number = 0
    for digit in request_id.removeprefix("req_"):
        number = number * 32 + _ALPHABET.index(digit)
    return number >> 82
