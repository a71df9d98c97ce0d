"""Request ids: `req_`, then 26 characters that sort by time and cannot be guessed."""

from __future__ import annotations

import os
from collections.abc import Iterator

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)  # ten bits each
_RANDOM = 11  # bytes an id takes


class _Pool:
    """Random bytes of the system, fetched a page at a time: each fetch lets other threads take the interpreter."""

    def __init__(self) -> None:
        self.fresh: Iterator[int] = iter(())
        os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        """A forked child must not repeat its parent's."""
        self.fresh = iter(())

    def take(self) -> int:
        """The next random number of 88 bits."""
        for number in self.fresh:
            return number
        page = os.urandom(256 * _RANDOM)
        self.fresh = iter([int.from_bytes(page[at : at + _RANDOM]) for at in range(0, len(page), _RANDOM)])
        return next(self.fresh)


_pool = _Pool()


def request_id(at: float) -> str:
    """48 bits of milliseconds and 82 random bits (the layout of ULID), for a time in Unix seconds."""
    number = (int(at * 1000) & ((1 << 48) - 1)) << 82 | _pool.take() >> 6
    return "req_" + "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


def milliseconds(request_id: str) -> int:
    """The time a request id of ours was made at, in Unix milliseconds."""
    number = 0
    for digit in request_id.removeprefix("req_"):
        number = number * 32 + _ALPHABET.index(digit)
    return number >> 82
