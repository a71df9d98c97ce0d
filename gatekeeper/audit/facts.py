"""What the streams of the log say of it and of each other.

Plain data: walk.py and statements.py fill it, verify.py and vouched.py judge it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from gatekeeper.audit import chain
from gatekeeper.audit.lines import TIME

TOLERANCE: Final = 300  # seconds by which a line may be older than one before it
UNREADABLE: Final = (ValueError, LookupError, TypeError, AttributeError, OverflowError)

Where = tuple[str, int]


class Mention(NamedTuple):
    """A line that another one names."""

    stream: str
    n: int
    hash: bytes
    whole: bool  # nothing may follow it
    where: Where
    by: tuple[str, int] = ("", 0)  # the line that names it; none of an anchor
    at: int | None = None  # it cannot be later than this, Unix seconds


class Signature(NamedTuple):
    """A line that says that it is signed."""

    stream: str
    n: int
    key: str
    message: bytes
    signature: bytes
    where: Where


class Claim(NamedTuple):
    """How many streams had begun, and the digest of their names, by a line."""

    number: int
    digest: bytes
    where: Where


class Redaction(NamedTuple):
    """Lines whose subjects were removed, by a line."""

    stream: str
    first: int
    last: int
    by: tuple[str, int]
    at: int


class Elsewhere(NamedTuple):
    """Lines whose subjects were removed in another machine's log, by a line."""

    log: str
    stream: str
    first: int
    last: int
    by: tuple[str, int]


class Missing(NamedTuple):
    """Lines in the place of which a gap stands: the hash before the first, and the last one's."""

    stream: str
    first: int
    last: int
    before: bytes
    hash: bytes
    where: Where


class Pruning(NamedTuple):
    """What a line says of lines that it had removed: as in `Missing`; by which line, and how late it can be."""

    stream: str
    first: int
    last: int
    before: bytes
    hash: bytes
    by: tuple[str, int]
    at: int


@dataclass(slots=True)
class Walk:
    """What is known of one stream after it was read."""

    version: int = 0
    lines: int = 0
    base: int = 0  # its first hash's place among all hashes
    head: bytes = chain.FIRST
    closed: bool = False
    broken: bool = False
    partial: bool = False  # the last line has no end yet
    bare: list[list[int]] = field(default_factory=list)  # ranges of lines whose subjects are gone
    gaps: list[tuple[int, int]] = field(default_factory=list)  # lines that were pruned
    marks: list[int] = field(default_factory=list)  # lines about the log itself,
    times: list[int] = field(default_factory=list)  # and when they were written
    latest: bytes = b""  # the latest time since the clock went back
    high: int = 0  # the latest time that the stream ever knew of

    def gone(self, n: int) -> bool:
        """Whether the n-th line was pruned, and its hash is not known: the last one's of a gap is."""
        place = bisect_right(self.gaps, (n, n)) - 1
        return any(first <= n < last for first, last in self.gaps[max(place, 0) : place + 2])

    def at(self, n: int) -> int:
        """A time before which the n-th line was not written, Unix seconds."""
        place = bisect_right(self.marks, n)
        return self.times[place - 1] if place else 0


@dataclass(slots=True)
class Facts:
    """What all streams say of the log."""

    bad: Callable[[Where, str], None]
    mentions: list[Mention] = field(default_factory=list)
    adopted: set[str] = field(default_factory=set)
    signatures: list[Signature] = field(default_factory=list)
    publics: dict[str, bytes] = field(default_factory=dict)
    introduced: dict[str, str] = field(default_factory=dict)  # key -> the key that signed its introduction
    retired: list[tuple[str, str, int]] = field(default_factory=list)  # key, and the line that introduced its successor
    introductions: set[Where] = field(default_factory=set)
    redactions: list[Redaction] = field(default_factory=list)
    elsewhere: list[Elsewhere] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    pruned: list[Pruning] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    geneses: dict[str, Claim] = field(default_factory=dict)  # of format 2
    clocks: dict[str, Where] = field(default_factory=dict)  # times from which the clock went back
    segments: int = 0
    checkpoints: int = 0


@lru_cache(maxsize=4096)
def seconds(at: bytes) -> int:
    """RFC 3339 in UTC as Unix seconds. Raises ValueError."""
    return int(datetime.strptime(at.decode("ascii"), TIME).replace(tzinfo=UTC).timestamp())
