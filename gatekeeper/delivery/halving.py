"""Pure. Finding what spoils a batch: halves are sent until the spoiling events stand alone.

One poison among n costs at most 2·ceil(log2 n) further requests. A half whose other half passed must hold the
poison, so it is divided without being sent.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from math import ceil, log2
from typing import Any, TypeVar

T = TypeVar("T")


def halve(
    batch: Sequence[T], whole: Any, refused: Callable[[Any], bool]
) -> Generator[Sequence[T], Any, list[tuple[Sequence[T], Any]]]:
    """Yields what to send next and is sent the answer; returns parts with their answers.

    `whole` is the answer that the whole batch got, `refused` says of an answer that it refuses all of a part.
    If nothing at all has passed after as many requests as one poison could cost, the fault is not in the events:
    what is left shares the last answer.
    """
    limit = 2 * ceil(log2(max(2, len(batch)))) + 2
    found: list[tuple[Sequence[T], Any]] = []
    bad: list[tuple[Sequence[T], Any]] = [(batch, whole)]
    sent, passed = 0, False
    while bad:
        part, answer = bad.pop()
        if len(part) == 1 or (sent >= limit and not passed):
            found.append((part, answer))
            continue
        left, right = part[: len(part) // 2], part[len(part) // 2 :]
        sent += 1
        first = yield left
        if refused(first):
            sent += 1
            second = yield right
            if refused(second):
                bad.append((right, second))
            else:
                passed = True
                found.append((right, second))
            bad.append((left, first))
        else:
            passed = True
            found.append((left, first))
            bad.append((right, answer))
    return found
