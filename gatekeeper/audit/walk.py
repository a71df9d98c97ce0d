"""One stream of the log, line by line: whether each follows from the one before it.

What lines say of the log itself is read by statements.py; verify.py puts together what the streams say. A fault ends
the reading of its stream: what follows it proves nothing.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from io import BufferedReader
from typing import IO, Final

import orjson

from gatekeeper.audit import chain
from gatekeeper.audit.facts import TOLERANCE, UNREADABLE, Facts, Missing, Walk, seconds
from gatekeeper.audit.segments import Segment
from gatekeeper.audit.statements import Statements
from gatekeeper.audit.strangers import Unpacked

_ORDINARY: Final = (b'"decision"', b'"outcome",', b'"consent",')  # lines that say nothing about the log itself
_ID: Final = b'"request_id":"'
_COUNT: Final = b',"count":'
_AT: Final = b'"timestamp":"'
_BACK: Final = b',"back_from":"'
_WRITTEN: Final = b',"written":"'
_MOST: Final = 100_000  # events of a line
_GAP: Final = b'"kind":"gap",'
_LAST: Final = re.compile(rb'"kind":"gap","last":(\d{1,15})')
_UNKNOWN: Final = 2**15  # hashes that are put down at once for lines that are gone


def ids(head: bytes, after: int = 0) -> list[bytes]:
    """The request ids that a decision line stands for. Raises ValueError."""
    begin = head.find(_ID, after)
    if begin < 0:
        return []
    begin += len(_ID)
    end = head.index(b'"', begin)
    name = head[begin:end]
    if head[end + 1 : end + 10] != _COUNT:
        return [name]
    count = int(head[end + 10 : end + 18].partition(b",")[0])
    if not 0 < count <= _MOST:
        raise ValueError("count")
    return [b"%s.%d" % (name, n) for n in range(count)]


def opened(segment: Segment, progress: Callable[[int], None] = lambda size: None) -> IO[bytes]:
    """A segment's lines, and an error if there is anything else in its file. Raises OSError.

    `progress` is told the bytes that were read of the file.
    """
    if segment.path == segment.plain and segment.plain.exists():
        progress(segment.plain.stat().st_size)
        return segment.plain.open("rb")
    return BufferedReader(Unpacked(segment.packed, progress), 2**20)


class Walker:
    """Reads streams. `store` gets every line's hash, `decided` every request id of a decision."""

    def __init__(self, facts: Facts, store: Callable[[bytes], object], decided: Callable[[bytes], None]) -> None:
        self._facts = facts
        self._store = store
        self._decided = decided
        self._statements = Statements(facts)

    def walk(self, stream: str, segments: list[Segment], base: int, progress: Callable[[int], None]) -> Walk:
        """Read a stream from its beginning."""
        walk = Walk(base=base)
        for expected, segment in enumerate(segments, 1):
            self._facts.segments += 1
            name = segment.path.name
            if segment.number != expected:
                self._facts.bad((name, 0), f"segment {expected:06} of the stream is missing before it")
                walk.broken = True
                break
            try:
                self._segment(stream, segment, walk, progress, last=segment is segments[-1])
            except ValueError as error:
                self._facts.bad((name, 0), str(error))
                walk.broken = True
            except (OSError, EOFError, zlib.error) as error:
                self._facts.bad((name, 0), f"cannot be read ({type(error).__name__})")
                walk.broken = True
            if walk.broken:
                break
        return walk

    def _segment(
        self, stream: str, segment: Segment, walk: Walk, progress: Callable[[int], None], *, last: bool
    ) -> None:
        """The inner loop: about 6 µs a line."""
        name, link, split = segment.path.name, chain.link, chain.split
        n, previous = walk.lines, walk.head
        store, decided = self._store, self._decided
        at = 0
        why = None
        with opened(segment, progress) as file:
            for at, raw in enumerate(file, 1):
                sealed = split(raw)
                if sealed is None:
                    if last and not raw.endswith(b"\n") and segment.path == segment.plain:
                        walk.partial = True  # it is being written, or a crash left it and no process took it over yet
                    else:
                        why = "is not a whole line of the log"
                    break
                head = sealed.head
                begin = chain.begin(stream, n + 1)
                if not head.startswith(begin):
                    why = _misplaced(head, stream, n + 1)
                    break
                if n == 0:
                    walk.version = chain.FORMAT if b'"format":' in head else 1
                if head.startswith(_GAP, len(begin)):
                    why = self._gap(stream, segment, at, sealed, previous, n + 1, walk)
                    if why is not None:
                        break
                    n, previous = walk.gaps[-1][1], sealed.hash
                    continue
                digest = link(previous, head, walk.version)
                if digest != sealed.hash:
                    why = "was altered: its hash does not follow from it and the line before"
                    break
                if walk.closed:
                    why = "stands after the stream was closed"
                    break
                if sealed.tail is None:
                    if sealed.promised is not None:
                        _bare(walk, n + 1)
                elif not sealed.kept:
                    why = "has other subjects than it was written with"
                    break
                after = len(begin) + 7
                kind = head[after : after + 10]
                special = at == 1 or kind not in _ORDINARY
                why = _time(walk, head, after)
                if why is None and special:
                    why = self._statements.read(stream, segment, at, sealed, previous, n + 1, walk)
                if why is not None:
                    break
                if kind == b'"decision"':
                    try:
                        for one in ids(head, after):
                            decided(one)
                    except ValueError:
                        why = "cannot be understood"
                        break
                n, previous = n + 1, digest
                store(digest)
        walk.lines, walk.head = n, previous
        if why is not None:
            self._facts.bad((name, at), why)
            walk.broken = True
        elif at == 0 and not (last and segment.path == segment.plain):
            self._facts.bad((name, 0), "is empty")
            walk.broken = True

    def _gap(
        self, stream: str, segment: Segment, at: int, sealed: chain.Sealed, previous: bytes, n: int, walk: Walk
    ) -> str | None:
        """A line that stands in the place of others. Why it is wrong, if it is."""
        found = _LAST.fullmatch(sealed.head, len(chain.begin(stream, n)))
        if found is None or int(found[1]) < n or at == 1 or walk.closed:
            return "a gap cannot stand here"
        last = int(found[1])
        self._facts.missing.append(Missing(stream, n, last, previous, sealed.hash, (segment.path.name, at)))
        walk.gaps.append((n, last))
        for some in range(n, last, _UNKNOWN):
            self._store(bytes(32) * (min(some + _UNKNOWN, last) - some))
        self._store(sealed.hash)
        return None


def _time(walk: Walk, head: bytes, after: int) -> str | None:
    """Whether a line of format 2 is older than one before it, and nothing says why."""
    place = head.find(_AT, after, after + 200) + 13
    if walk.version == 1 or place == 12:
        return None
    at = head[place : place + 20]
    late = head.find(_WRITTEN, max(0, len(head) - 160))
    if late > 0:
        at = head[late + 12 : late + 32]
    try:
        back = -1
        if head[after : after + 10] not in _ORDINARY:
            back = head.find(_BACK, after)
            walk.high = max(walk.high, seconds(at), 0 if back < 0 else seconds(head[back + 14 : back + 34]))
        if at >= walk.latest or back > 0:
            walk.latest = at
        elif seconds(walk.latest) - seconds(at) > TOLERANCE:
            return f"is of {at.decode()}, though a line before it is of {walk.latest.decode()}"
    except ValueError:
        return "cannot be understood"
    return None


def _bare(walk: Walk, n: int) -> None:
    if walk.bare and walk.bare[-1][1] == n - 1:
        walk.bare[-1][1] = n
    else:
        walk.bare.append([n, n])


def _misplaced(head: bytes, stream: str, n: int) -> str:
    try:
        record = orjson.loads(head + b"}")
        return f"is line {record['n']} of {record['stream']}, where line {n} of {stream} should be"
    except UNREADABLE:
        return f"is not line {n} of {stream}"
