"""After a crash: which lines does the log not have yet? Files and lines in, the missing lines out.

A process that ended may have written a line without being able to say so. Only files that were written at about
that time are looked at, and only lines that this installation wrote and that the next stream takes over count: a line
is written once, and no other's line stands for it.
"""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from gatekeeper.audit import ends, others
from gatekeeper.audit.lines import Line
from gatekeeper.audit.segments import Segment, streams, sync_file
from gatekeeper.audit.signing import Own, Signer

_SLACK: Final = 120.0  # seconds


def missing(folder: Path, signer: Signer, lines: Sequence[Line], since: float, *, now: float) -> list[Line]:
    """The lines that no file of the log holds; `since` is when they were to be written, Unix seconds.

    Those that are there are durable then: the process may have been killed between a write and its sync.
    """
    wanted = {n: _marks(line) for n, line in enumerate(lines)}
    if now < since - _SLACK:  # the clock went back: times of files say nothing
        since = 0.0
    own = signer.own()
    found = streams(folder)
    old = others.listed(found, own)
    for segment in (one for name, parts in found.items() if _ours(parts, own, old, name) for one in parts):
        if not wanted:
            break
        written = _whole(segment, since, own)
        there = [n for n, marks in wanted.items() if _holds(written, marks)]
        if there:
            with contextlib.suppress(FileNotFoundError):  # compressed meanwhile, which syncs
                sync_file(segment.plain)
        for n in there:
            del wanted[n]
    return [line for n, line in enumerate(lines) if n in wanted]


def _ours(parts: list[Segment], own: Own, old: dict[str, list[Any]] | None, name: str) -> bool:
    """Whether a stream was begun here; of format 1, whether it was there when format 2 began."""
    if ends.genesis(parts, own.signed) is not None:
        return True
    return ends.version_of(parts) == 1 and (old is None or name in old)


def _whole(segment: Segment, since: float, own: Own) -> bytes:
    """The whole, chained lines of a segment; nothing if it was closed before `since`. It may be compressed meanwhile.

    A power cut can leave a part of a line, or lines behind a broken one. The process that takes the stream over sets
    them aside.
    """
    try:
        if segment.path.stat().st_mtime < since - _SLACK:
            return b""
        data = segment.path.read_bytes()
        if segment.path == segment.packed:
            return gzip.decompress(data)
    except FileNotFoundError:
        return segment.read() if segment.path == segment.plain else b""
    return data[: ends.end_of(data, own.written).offset]


def _marks(line: Line) -> tuple[bytes, ...]:
    """Parts that the one line has, and no other: the first is rare in the log."""
    record = orjson.loads(line.core)
    if record["kind"] == "decision":
        return (b'"request_id":"' + record["request_id"].encode() + b'"',)
    if record["kind"] == "consent":
        return (b'"receipt":"' + record["receipt"].encode() + b'"',)
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
