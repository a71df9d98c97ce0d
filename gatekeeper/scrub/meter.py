"""How much work one request may cause. Pure, but for its own count. Characters in, `Spent` out when none are left.

A search takes time by the characters it looks at, and a word in base64 or an escape is looked at again in each of its
layers: those are counted apart. What is left when a meter is spent was not searched, so it may not be sent.
"""

from __future__ import annotations

import math
from typing import Final


class Spent(Exception):  # noqa: N818  # a finding about a value: it cannot be searched any more
    """No characters are left: the value that was to be searched is invalid."""


class Heavy(Exception):  # noqa: N818  # a finding about a request: it is to be decided elsewhere
    """The request takes longer than an event loop may be kept for; nothing was decided."""


class Meter:
    """The characters that may still be searched in one request, those that may still be decoded in it, and the values.

    `brief`: a request that takes more is `Heavy`, not spent.
    """

    __slots__ = ("_decoded", "_looked", "_over", "_searched")

    def __init__(self, searched: float, decoded: float, looked: float = math.inf, *, brief: bool = False) -> None:
        self._looked = looked
        self._searched = searched
        self._decoded = decoded
        self._over: type[Exception] = Heavy if brief else Spent

    def look(self, count: int) -> None:
        """So many values are going to be looked at, whatever they are. Raises Spent or Heavy."""
        self._looked -= count
        if self._looked < 0:
            raise self._over

    def search(self, count: int) -> None:
        """So many characters are going to be searched. Raises Spent or Heavy."""
        self._searched -= count
        if self._searched < 0:
            raise self._over

    def decode(self, count: int) -> None:
        """So many characters came out of a word or an escape, and are going to be searched. Raises Spent or Heavy."""
        self._decoded -= count
        if self._decoded < 0:
            raise self._over


UNMETERED: Final = Meter(math.inf, math.inf)
"""For what the operator's own code says, and for names and policies."""
