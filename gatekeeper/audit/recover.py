"""After a crash: which lines does the log not have yet? Files and lines in, the missing lines out.

A process that ended may have written a line without being able to say so. Only files that were written at about
that time are looked at.
"""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import orjson

from gatekeeper.audit.lines import Line
from gatekeeper.audit.segments import Segment, end_of, streams, sync_file

_SLACK: Final = 120.0  # seconds


def missing(folder: Path, lines: Sequence[Line], since: float) -> list[Line]:
    """The lines that no file of the log holds; `since` is when they were to be written, Unix seconds.

    Those that are there are durable then: the process may have been killed between a write and its sync.
    """
    wanted = {n: _marks(line) for n, line in enumerate(lines)}
    for segment in (one for parts in streams(folder).values() for one in parts):
        if not wanted:
            break
        written = _whole(segment, since)
        there = [n for n, marks in wanted.items() if _holds(written, marks)]
        if there:
            with contextlib.suppress(FileNotFoundError):  # compressed meanwhile, which syncs
                sync_file(segment.plain)
        for n in there:
            del wanted[n]
    return [line for n, line in enumerate(lines) if n in wanted]


def _whole(segment: Segment, since: float) -> bytes:
    """The whole, chained lines of a segment; nothing if it was closed before `since`. It may be compressed meanwhile.

    A power cut can leave a part of a line, or lines behind a broken one: whoever takes the stream over sets them aside.
    """
    try:
        if segment.path.stat().st_mtime < since - _SLACK:
            return b""
        data = segment.path.read_bytes()
        if segment.path == segment.packed:
            return gzip.decompress(data)
    except FileNotFoundError:
        return segment.read() if segment.path == segment.plain else b""
    return data[: end_of(data).offset]


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
        if all(mark in line for mark in marks):
            return True
        at = written.find(marks[0], at + 1)
    return False
