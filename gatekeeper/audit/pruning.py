"""Lines that are no longer needed go: of closed segments that are older than `[audit] lines`, the whole of each.

What is about the log itself stays (`KEPT`). In the place of the others stands a `gap`: which lines are missing, and the
hash of the last. Before that, a `pruned` line with a signature behind it says the same of each gap, with the hash
before it: so the chain can be followed over the gap, and a gap that no such line tells of is found. May be interrupted
at any point and done again.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from gatekeeper.audit import chain, columns, segments
from gatekeeper.audit.chores import rewriting
from gatekeeper.audit.lines import Line, timestamp
from gatekeeper.audit.segments import Segment
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.errors import AuditError

KEPT: Final = frozenset({b"genesis", b"segment", b"key", b"clock", b"redaction", b"pruned", b"close", b"gap"})
_BEGIN: Final = re.compile(rb'\{"stream":"[^"]+","n":(\d+),"kind":"([a-z_]+)"')
_TIME: Final = re.compile(rb'"timestamp":"([^"]{20})"')
_PATIENCE: Final = 30.0  # seconds for the log


class Gap(NamedTuple):
    """Lines of a stream that are gone: first and last, the hash before the first, and the last one's."""

    stream: str
    first: int
    last: int
    before: str
    hash: str

    @property
    def lines(self) -> int:
        """The number of lines that are gone."""
        return self.last - self.first + 1


class Pruned(NamedTuple):
    """What was removed, or would be."""

    lines: int
    segments: tuple[Segment, ...]


def old(folder: Path, before: float) -> list[Segment]:
    """Closed segments that have lines to prune, of which none is of that time or later. Raises AuditError."""
    limit = timestamp(before).encode()
    found: list[Segment] = []
    try:
        for stream, parts in segments.streams(folder).items():
            closed = parts[:-1] if segments.alive(folder, stream) else parts
            found += [one for one in closed if one.path == one.packed and _is_old(one, limit)]
    except (OSError, EOFError, zlib.error) as error:
        raise AuditError(f"{folder}: the audit log cannot be read ({type(error).__name__})") from None
    return found


def prune(
    folder: Path,
    before: float,
    writer: AuditWriter,
    *,
    at: float,
    first: Callable[[Sequence[Segment]], None] = lambda found: None,
) -> Pruned:
    """Remove the lines of old segments; `first` is called with these before anything is. Raises AuditError."""
    try:
        with rewriting(folder):
            found = old(folder, before)
            removed = {segment: list(gaps(segment)) for segment in found}
            if not found:
                return Pruned(0, ())
            first(found)
            core = {
                "kind": "pruned", "timestamp": timestamp(at), "before": timestamp(before),
                "gaps": [list(gap) for some in removed.values() for gap in some],
            }  # fmt: skip
            writer.append([Line(orjson.dumps(core))], signed=True).result(_PATIENCE)
            for segment, some in removed.items():
                rewrite(segment, some)
            columns.forget(folder, found)
            return Pruned(sum(gap.lines for some in removed.values() for gap in some), tuple(found))
    except TimeoutError:
        raise AuditError("the log does not answer; try again later") from None
    except (OSError, EOFError, zlib.error) as error:
        raise AuditError(f"{folder}: the audit log cannot be rewritten ({type(error).__name__})") from None


def _is_old(segment: Segment, limit: bytes) -> bool:
    """Whether every line is older, and one of them can go; mostly the first line says that it is not."""
    goes = False
    for raw in segments.lines(segment):
        found = _TIME.search(raw)
        if found is not None and found[1] >= limit:
            return False
        begin = _BEGIN.match(raw)
        goes = goes or (begin is not None and begin[2] not in KEPT)
    return goes


def gaps(segment: Segment) -> Iterator[Gap]:
    """What goes of a segment. Raises OSError, and AuditError for what is no line of the log."""
    first, last = 0, 0
    before = digest = ""
    for raw in segments.lines(segment):
        begin, sealed = _BEGIN.match(raw), chain.split(raw)
        if begin is None or sealed is None:
            raise AuditError(
                f"{segment.path.name}: holds bytes that are not a line of the log; run `gatekeeper audit verify`"
            )
        n, kept = int(begin[1]), begin[2] in KEPT
        if kept and first:
            yield Gap(segment.stream, first, last, before, digest)
            first = 0
        if not kept:
            if not first:
                first, before = n, digest
            last = n
        digest = sealed.hash.hex()
    if first:
        yield Gap(segment.stream, first, last, before, digest)


def rewrite(segment: Segment, removed: Sequence[Gap]) -> None:
    """Put the segment with gaps in its place."""
    by_first = {gap.first: gap for gap in removed}
    out = []
    for raw in segments.lines(segment):
        begin = _BEGIN.match(raw)
        if begin is not None and begin[2] in KEPT:
            out.append(raw)
        elif begin is not None and (gap := by_first.get(int(begin[1]))) is not None:
            out.append(written(gap))
    segments.write_whole(segment.packed, gzip.compress(b"".join(out), 6, mtime=0))


def written(gap: Gap) -> bytes:
    """The line in the place of others."""
    begin = chain.begin(gap.stream, gap.first)
    return b'%s"kind":"gap","last":%d,"hash":"%s"}\n' % (begin, gap.last, gap.hash.encode())
