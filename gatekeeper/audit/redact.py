"""Forgetting: subjects and names are cut out of lines, and a redaction line says of which lines and why.

Open segments are closed first, on request; see turning.py. The redaction line comes next, with a signature behind it,
and the cutting after that; all may be interrupted at any point and done again. The chain stays as it was, because a
line's hash covers only a salted commitment to what is cut, and the salt goes with it.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from gatekeeper.audit import chain, columns, segments, turning
from gatekeeper.audit.chores import rewriting
from gatekeeper.audit.lines import Line, timestamp
from gatekeeper.audit.segments import Segment
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.errors import AuditError

_AT: Final = re.compile(rb'"timestamp":"([^"]{20})"')
_LATER: Final = b"9"
_PATIENCE: Final = 30.0  # seconds for the log
ONE: Final = ""  # whose the lines are where only one asks
Wanted = Callable[[chain.Sealed], bool]
Whose = Callable[[chain.Sealed], Collection[str]]
"""Which of several requests a line is to go for, by their ids; none where it stays."""


@dataclass(slots=True)
class Found:
    """What there is to remove. `of` says it of each request: how many lines, and in which ranges of which stream."""

    segments: list[Segment] = field(default_factory=list)
    of: dict[str, Lines] = field(default_factory=dict)
    lines: int = 0
    waiting: int = 0  # lines in segments that are still written to
    open: list[Segment] = field(default_factory=list)  # those segments
    held: set[str] = field(default_factory=set)  # the requests that have lines there
    clean: set[str] = field(default_factory=set)  # marks of closed segments in which nothing is to go


@dataclass(slots=True)
class Lines:
    """Lines that are to go for one request. Lines without subjects end no range."""

    count: int = 0
    ranges: list[list[Any]] = field(default_factory=list)  # stream, first and last line
    _last: int = -1  # of the last one: how many lines with subjects stood before it in its segment

    def add(self, stream: str, n: int, before: int) -> None:
        """Take a line up: the n-th of its stream, with so many lines with subjects `before` it in its segment."""
        if self._last >= 0 and self._last == before - 1:
            self.ranges[-1][2] = n
        else:
            self.ranges.append([stream, n, n])
        self.count, self._last = self.count + 1, before

    def end(self) -> None:
        """The segment has ended: the next line begins a range."""
        self._last = -1


def older_than(at: float) -> Wanted:
    """Lines that were written before a time."""
    limit = timestamp(at).encode()

    def wanted(sealed: chain.Sealed) -> bool:
        found = _AT.search(sealed.head)
        return found is not None and found[1] < limit

    return wanted


def about(subjects: Collection[str]) -> Wanted:
    """Lines about a person, by any of the pseudonyms."""
    names = frozenset([subject.encode() for subject in subjects])

    def wanted(sealed: chain.Sealed) -> bool:
        return sealed.tail is not None and not names.isdisjoint(chain.SUBJECT.findall(sealed.tail))

    return wanted


def each(people: Mapping[str, Collection[str]]) -> Whose:
    """Lines about several persons: request -> pseudonyms. As fast for a hundred as for one."""
    owners: dict[bytes, frozenset[str]] = {}
    for request, subjects in people.items():
        for subject in subjects:
            owners[subject.encode()] = owners.get(subject.encode(), frozenset()) | {request}

    def whose(sealed: chain.Sealed) -> Collection[str]:
        if sealed.tail is None:
            return ()
        there = [owners[name] for name in chain.SUBJECT.findall(sealed.tail) if name in owners]
        return frozenset().union(*there) if there else ()

    return whose


def alone(wanted: Wanted) -> Whose:
    """The lines that one asks for."""
    mine = (ONE,)
    return lambda sealed: mine if wanted(sealed) else ()


def find(folder: Path, wanted: Wanted, *, skip: Callable[[Segment], bool] = lambda segment: False) -> Found:
    """Lines whose subjects are to go, not looked for in segments to `skip`. Raises AuditError."""
    return find_each(folder, alone(wanted), skip=skip)


def find_each(folder: Path, whose: Whose, *, skip: Callable[[Segment], bool] = lambda segment: False) -> Found:
    """The same, for several requests in one reading. Raises AuditError."""
    found = Found()
    try:
        for stream, parts in segments.streams(folder).items():
            open_one = parts[-1] if segments.alive(folder, stream) else None
            for segment in parts:
                if skip(segment):
                    continue
                mark = segment.mark
                if segment is open_one:
                    held: dict[str, Lines] = {}
                    if count := _look(segment, whose, held):
                        found.waiting += count
                        found.open.append(segment)
                        found.held |= held.keys()
                elif count := _look(segment, whose, found.of):
                    found.segments.append(segment)
                    found.lines += count
                elif segment.path == segment.packed:
                    found.clean.add(mark)
    except (OSError, EOFError, zlib.error) as error:
        raise AuditError(f"{folder}: the audit log cannot be read ({type(error).__name__})") from None
    return found


def oldest(segment: Segment) -> str:
    """The time of the oldest line of a segment that has references left; later than every time if there is none.

    Raises OSError.
    """
    times = [_LATER]

    def wanted(sealed: chain.Sealed) -> bool:
        found = _AT.search(sealed.head)
        if found is not None and found[1] < times[0]:
            times[0] = found[1]
        return False

    _look(segment, alone(wanted), {})
    return times[0].decode()


def torn(folder: Path, before: float) -> list[Path]:
    """Remains of crashes from before a time. Raises OSError."""
    return [path for path in folder.glob("*.torn") if path.stat().st_mtime < before]


def remove(
    folder: Path,
    wanted: Wanted,
    writer: AuditWriter,
    *,
    reason: str,
    at: float,
    skip: Callable[[Segment], bool] = lambda segment: False,
    **more: Any,
) -> Found:
    """Remove the subjects of the wanted lines, with a redaction line; what was done, and what has to wait.

    Lines in open segments wait only if their writers did not close them in time. `more` goes into the redaction line
    and names no person. Raises AuditError.
    """
    return remove_each(folder, alone(wanted), writer, reason=reason, at=at, skip=skip, more=lambda request: more)


def remove_each(
    folder: Path,
    whose: Whose,
    writer: AuditWriter,
    *,
    reason: str,
    at: float,
    more: Callable[[str], Mapping[str, Any]],
    skip: Callable[[Segment], bool] = lambda segment: False,
) -> Found:
    """The same for several requests: a redaction line for each, with `more` of it, and every segment rewritten once.

    What is found to hold nothing of theirs before segments are locked is not read again. Raises AuditError.
    """
    try:
        first = find_each(folder, whose, skip=skip)
        if not first.lines and not first.waiting:
            return first
        writer.append(()).result(_PATIENCE)  # crashed streams are taken over before they are read again
        turning.turn(folder, first.open)
    except TimeoutError:
        raise AuditError("the log does not answer; try again later") from None
    except OSError as error:
        raise AuditError(f"{folder}: the audit log cannot be written ({error.strerror})") from None
    try:
        with rewriting(folder):
            found = find_each(folder, whose, skip=lambda segment: skip(segment) or segment.mark in first.clean)
            found.clean |= first.clean
            if found.lines:
                told = [_line(reason, at, more(request), lines) for request, lines in found.of.items()]
                writer.append(told, signed=True).result(_PATIENCE)
                for segment in found.segments:
                    cut(segment, lambda sealed: bool(whose(sealed)))
                columns.forget(folder, found.segments)
            return found
    except TimeoutError:
        raise AuditError("the log does not answer; try again later") from None
    except OSError as error:
        raise AuditError(f"{folder}: the audit log cannot be rewritten ({error.strerror})") from None


def _line(reason: str, at: float, more: Mapping[str, Any], lines: Lines) -> Line:
    core = {"kind": "redaction", "timestamp": timestamp(at), "reason": reason, **more, "ranges": lines.ranges}
    return Line(orjson.dumps(core))


def count(segment: Segment, wanted: Wanted) -> int:
    """How many lines of a segment are wanted. Raises OSError and what gzip raises."""
    return _look(segment, alone(wanted), {})


def _look(segment: Segment, whose: Whose, into: dict[str, Lines]) -> int:
    """Add a segment's lines to those of the requests that they go for; how many lines they are."""
    count = before = 0
    for raw in segments.lines(segment):
        sealed = chain.split(raw) if b',"salt":"' in raw[-45:] else None
        if sealed is None or sealed.tail is None:
            continue
        requests = whose(sealed)
        if requests:
            n = int(sealed.record["n"])
            for request in requests:
                into.setdefault(request, Lines()).add(segment.stream, n, before)
            count += 1
        before += 1
    for lines in into.values():
        lines.end()
    return count


def cut(segment: Segment, wanted: Wanted) -> None:
    """Put the segment without them in its place, compressed; there is never one form with and one without them."""
    segments.pack(segment)
    out = []
    for raw in segments.lines(segment):
        sealed = chain.split(raw)
        out.append(sealed.without_refs() if sealed is not None and sealed.tail is not None and wanted(sealed) else raw)
    segments.write_whole(segment.packed, gzip.compress(b"".join(out), 6, mtime=0))
