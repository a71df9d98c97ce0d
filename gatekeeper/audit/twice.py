"""Request ids that more than one decision has, among many millions. A number for each id in, the repeated ones out.

Eight bytes of each id are kept in files and sorted part by part; those that are equal are only suspects, because two
ids may have the same number. The log is read again for the suspects alone.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import pairwise
from types import TracebackType
from typing import Final

from gatekeeper.audit import walk
from gatekeeper.audit.facts import Where
from gatekeeper.audit.segments import Segment

_PARTS: Final = 64
_HELD: Final = 2**13  # numbers in memory per part


class Twice:
    """The ids of all decisions, while they are read."""

    def __init__(self) -> None:
        self._parts = [array("Q") for _ in range(_PARTS)]
        self._stack = ExitStack()
        self._files = [self._stack.enter_context(tempfile.TemporaryFile()) for _ in range(_PARTS)]  # noqa: SIM115  # it does

    def __enter__(self) -> Twice:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add(self, request_id: bytes) -> None:
        """An id that a decision has."""
        number = hash(request_id)
        part = self._parts[number % _PARTS]
        part.append(number & 0xFFFFFFFFFFFFFFFF)
        if len(part) >= _HELD:
            self._files[number % _PARTS].write(part.tobytes())
            del part[:]

    def suspects(self) -> set[int]:
        """Numbers that came more than once."""
        found: set[int] = set()
        for part, file in zip(self._parts, self._files, strict=True):
            file.seek(0)
            numbers = array("Q")
            numbers.frombytes(file.read())
            numbers.extend(part)
            found.update(one for one, next_one in pairwise(sorted(numbers)) if one == next_one)
        return found


def found(segments: Iterable[Segment], suspects: set[int]) -> dict[bytes, list[Where]]:
    """The ids among the suspects that more than one line decides, and where. Raises OSError, EOFError, zlib.error."""
    places: dict[bytes, list[Where]] = {}
    for segment in segments if suspects else ():
        with walk.opened(segment) as file:
            for at, raw in enumerate(file, 1):
                if b'"kind":"decision"' not in raw[:120] or not raw.endswith(b"\n"):
                    continue
                for one in walk.ids(raw):
                    if hash(one) & 0xFFFFFFFFFFFFFFFF in suspects:
                        places.setdefault(one, []).append((segment.path.name, at))
    return {one: where for one, where in places.items() if len(where) > 1}
