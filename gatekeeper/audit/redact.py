"""Forgetting: subjects and names are cut out of lines, and a redaction line says of which lines and why.

Open segments are closed first, on request; see turning.py. The redaction line comes next, with a signature behind it,
and the cutting after that; all may be interrupted at any point and done again. The chain stays as it was, because a
line's hash covers only a salted commitment to what is cut, and the salt goes with it.
"""

from __future__ import annotations

import gzip
import re
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from gatekeeper.audit import chain, columns, segments, turning
from gatekeeper.audit.chores import FILES
from gatekeeper.audit.lines import Line, timestamp
from gatekeeper.audit.segments import Segment
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.errors import AuditError
from gatekeeper.installation.locks import Lock

_AT: Final = re.compile(rb'"timestamp":"([^"]{20})"')
_LATER: Final = b"9"
_PATIENCE: Final = 30.0  # seconds for another process that rewrites segments
Wanted = Callable[[chain.Sealed], bool]


@dataclass(slots=True)
class Found:
    """What there is to remove."""

    segments: list[Segment] = field(default_factory=list)
    ranges: list[tuple[str, int, int]] = field(default_factory=list)  # stream, first and last line
    lines: int = 0
    waiting: int = 0  # lines in segments that are still written to
    open: list[Segment] = field(default_factory=list)  # those segments


def older_than(at: float) -> Wanted:
    """Lines that were written before a time."""
    limit = timestamp(at).encode()

    def wanted(sealed: chain.Sealed) -> bool:
        found = _AT.search(sealed.head)
        return found is not None and found[1] < limit

    return wanted


def about(subjects: frozenset[str]) -> Wanted:
    """Lines about a person, by any of the pseudonyms."""
    names = [f'"{subject}"'.encode() for subject in subjects]

    def wanted(sealed: chain.Sealed) -> bool:
        return sealed.tail is not None and any(name in sealed.tail for name in names)

    return wanted


def find(
    folder: Path,
    wanted: Wanted,
    *,
    skip: Callable[[Segment], bool] = lambda segment: False,
) -> Found:
    """Lines whose subjects are to go, not looked for in segments to `skip`. Raises AuditError."""
    found = Found()
    try:
        for stream, parts in segments.streams(folder).items():
            open_one = parts[-1] if segments.alive(folder, stream) else None
            for segment in parts:
                if skip(segment):
                    continue
                ranges, count = _lines(segment, wanted)
                if segment is open_one:
                    if count:
                        found.waiting += count
                        found.open.append(segment)
                elif count:
                    found.segments.append(segment)
                    found.lines += count
                    found.ranges += ranges
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

    _lines(segment, wanted)
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
    try:
        first = find(folder, wanted, skip=skip)
        if not first.lines and not first.waiting:
            return first
        writer.append(()).result(_PATIENCE)  # crashed streams are taken over before they are read again
        turning.turn(folder, first.open)
    except OSError as error:
        raise AuditError(f"{folder}: the audit log cannot be written ({error.strerror})") from None
    lock = Lock(folder / FILES)
    deadline = time.monotonic() + _PATIENCE
    while not lock.take():
        if time.monotonic() > deadline:
            raise AuditError("another process rewrites the log; try again later")
        time.sleep(0.05)
    try:
        found = find(folder, wanted, skip=skip)
        if found.lines:
            core = {"kind": "redaction", "timestamp": timestamp(at), "reason": reason, **more, "ranges": found.ranges}
            writer.append([Line(orjson.dumps(core))], signed=True).result(_PATIENCE)
            for segment in found.segments:
                cut(segment, wanted)
            columns.forget(folder, found.segments)
        return found
    except OSError as error:
        raise AuditError(f"{folder}: the audit log cannot be rewritten ({error.strerror})") from None
    finally:
        lock.release()


def count(segment: Segment, wanted: Wanted) -> int:
    """How many lines of a segment are wanted. Raises OSError and what gzip raises."""
    return _lines(segment, wanted)[1]


def _lines(segment: Segment, wanted: Wanted) -> tuple[list[tuple[str, int, int]], int]:
    """The wanted lines of a segment in ranges, and how many they are; lines without subjects end no range."""
    ranges: list[list[int]] = []
    count, going_on = 0, False
    for raw in segments.lines(segment):
        sealed = chain.split(raw) if b',"salt":"' in raw[-45:] else None
        if sealed is None or sealed.tail is None:
            continue
        if not wanted(sealed):
            going_on = False
            continue
        n = int(sealed.record["n"])
        if going_on:
            ranges[-1][1] = n
        else:
            ranges.append([n, n])
        count, going_on = count + 1, True
    return [(segment.stream, first, last) for first, last in ranges], count


def cut(segment: Segment, wanted: Wanted) -> None:
    """Put the segment without them in its place, compressed; there is never one form with and one without them."""
    segments.pack(segment)
    out = []
    for raw in segments.lines(segment):
        sealed = chain.split(raw)
        out.append(sealed.without_refs() if sealed is not None and sealed.tail is not None and wanted(sealed) else raw)
    segments.write_whole(segment.packed, gzip.compress(b"".join(out), 6, mtime=0))
