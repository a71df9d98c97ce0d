"""Texts that were searched and hold nothing, remembered: pages' addresses, browsers' names and mechanics repeat.

What holds something is personal and is never in here.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
ENTRIES: Final = 4096


class Remembered(Generic[K]):
    """What is known to be clean, of texts up to `longest` characters; when it is full, it begins again, empty."""

    __slots__ = ("_known", "_longest")

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._known: set[K] = set()

    def __contains__(self, key: K) -> bool:
        return key in self._known

    def add(self, key: K, text: str) -> None:
        """`text`, known under `key`, holds nothing."""
        if len(text) <= self._longest:
            if len(self._known) >= ENTRIES:
                self._known.clear()
            self._known.add(key)
