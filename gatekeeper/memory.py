"""Memories of what need not be worked out again. Each has an owner, whose lifetime is its own: a gate, or a policy.

A memory is bounded in number and in bytes, the oldest goes first, and it may be read and written from any thread. What
a visitor sent is never a key: keys are digests, under a key of this process.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Hashable
from hashlib import blake2b
from typing import ClassVar, Final, Generic, TypeVar

from cachetools import FIFOCache

V = TypeVar("V")
K = TypeVar("K", bound=Hashable)
P = TypeVar("P")
_KEYED: Final = blake2b(digest_size=16, key=os.urandom(32))
_copy: Final = _KEYED.copy


def digest(said: bytes) -> bytes:
    """What stands for a visitor's words where they are remembered: 16 bytes that tell nothing to those without the key.

    Equal digests are equal words: of 2**64 it takes as many to find two that are not.
    """
    state = _copy()
    state.update(said)
    return state.digest()


class Memory(Generic[V]):
    """Up to `entries` values, and up to `entries` times `each` bytes: an entry counts as `each` bytes at least."""

    __slots__ = ("_cache", "_each", "_lock")

    def __init__(self, entries: int, each: int) -> None:
        self._each = each
        self._cache: FIFOCache[Hashable, tuple[V, int]] = FIFOCache(entries * each, getsizeof=_size)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._cache)

    @property
    def bytes(self) -> int:
        """What all entries count as."""
        return int(self._cache.currsize)

    def get(self, key: Hashable) -> V | None:
        """The value of a key, if it is remembered."""
        try:
            return self._cache[key][0]
        except KeyError:
            return None

    def put(self, key: Hashable, value: V, size: int = 0) -> None:
        """Remember a value of about so many bytes, if no other thread does so now and the memory is as large."""
        counted = max(size, self._each)
        # The lock is never waited for: a fork may have left it held in this process.
        if counted <= self._cache.maxsize and self._lock.acquire(blocking=False):
            try:
                self._cache[key] = (value, counted)
            finally:
                self._lock.release()


class Compiled(dict[K, P]):
    """Programs by the names they were compiled from: `MOST` of them; when it is full it begins again.

    A program holds names and no values. Who keeps one says which names may be kept: one that a sender made up may be a
    value. With `most` at 0 every program is compiled each time, which changes nothing but the time it takes.
    """

    __slots__ = ()
    most: ClassVar[int] = 2_048

    def keep(self, key: K, program: P) -> P:
        """Remember a program; gives it back."""
        if self.most:
            if len(self) >= self.most:
                self.clear()
            self[key] = program
        return program


def _size(entry: tuple[object, int]) -> int:
    return entry[1]
