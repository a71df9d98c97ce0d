"""After a crash: which lines does the log not have yet? Files and lines in, the missing lines out.

A process that ended may have written a line without being able to say so. Only files that were written at about
that time are looked at, and of each only the end.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import orjson

from gatekeeper.audit.lines import Line
from gatekeeper.audit.segments import Segment, streams

_SLACK: Final = 120.0  # seconds
_END: Final = 32 * 2**20  # bytes of a file


def missing(folder: Path, lines: Sequence[Line], since: float) -> list[Line]:
    """The lines that no file of the log holds; `since` is when they were to be written, Unix seconds."""
    wanted = {n: _marks(line) for n, line in enumerate(lines)}
    for segment in (one for parts in streams(folder).values() for one in parts):
        if not wanted:
            break
        written = _end(segment, since)
        for n in [n for n, marks in wanted.items() if _holds(written, marks)]:
            del wanted[n]
    return [line for n, line in enumerate(lines) if n in wanted]


def _end(segment: Segment, since: float) -> bytes:
    """The last part of a segment; nothing if it was closed before `since`. It may be compressed meanwhile."""
    try:
        if segment.path.stat().st_mtime < since - _SLACK:
            return b""
        with segment.path.open("rb") as file:
            if segment.path == segment.packed:
                return gzip.decompress(file.read())[-_END:]
            file.seek(max(0, file.seek(0, os.SEEK_END) - _END))
            return file.read()
    except FileNotFoundError:
        return segment.read()[-_END:] if segment.path == segment.plain else b""


def _marks(line: Line) -> tuple[bytes, ...]:
    """Parts that the one line has, and no other: the first is rare in the log."""
    record = orjson.loads(line.core)
    if record["kind"] == "decision":
        return (b'"request_id":"' + record["request_id"].encode() + b'"',)
    names = ("request_ids", "destination", "status", "attempts")
    return tuple(orjson.dumps({name: record[name]})[1:-1] for name in names)


def _holds(written: bytes, marks: tuple[bytes, ...]) -> bool:
    at = written.find(marks[0])
    while at >= 0:
        end = written.find(b"\n", at)
        line = written[written.rfind(b"\n", 0, at) + 1 : end]
        if end >= 0 and all(mark in line for mark in marks):  # a torn last line is none
            return True
        at = written.find(marks[0], at + 1)
    return False
