"""The decision lines of a period. A folder and two times in; their records, with a word on how far it is, out."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from gatekeeper.audit.read import parse, within
from gatekeeper.audit.segments import Segment, lines
from gatekeeper.audit.shared.mirror import KEPT
from gatekeeper.errors import AuditError

_DECISION: Final = b'"kind":"decision"'
_OFTEN: Final = 10_000  # lines between two words on how far it is


def _moving(segments: Iterable[Segment]) -> dict[str | None, bool]:
    """The lines that the engine still has: a log may have them by now, too. Each id is told of once."""
    kept = [segment for segment in segments if segment.path.parent.name.endswith(KEPT)]
    return {record.get("request_id"): False for segment in kept for record in parse(lines(segment))}


def decisions(
    folder: Path,
    since: str | None,
    until: str | None,
    progress: Callable[[float, int], None],
    others: Sequence[Path] = (),
) -> Iterator[dict[str, Any]]:
    """Every decision from `since` on and before `until` (RFC 3339, UTC), segment by segment. Raises AuditError.

    `others` are the folders of other machines' logs; a line that is in two of them is told of once.
    `progress` is told which part of the period's segments was read (0 to 1), and how many decisions that were.
    """
    try:
        segments = within(folder, since, until, others)
        sizes = [segment.size for segment in segments]
        whole, read, count = sum(sizes) or 1, 0, 0
        twice = _moving(segments) if others else {}
        for segment, size in zip(segments, sizes, strict=True):
            for record in parse(raw for raw in lines(segment) if _DECISION in raw):
                at = record.get("timestamp", "")
                if record.get("kind") != "decision" or (since and at < since) or (until and at >= until):
                    continue
                name = record.get("request_id")
                if name in twice:
                    if twice[name]:
                        continue
                    twice[name] = True
                count += 1
                if count % _OFTEN == 0:
                    progress(read / whole, count)
                yield record
            read += size
            progress(read / whole, count)
    except (OSError, EOFError, zlib.error) as error:
        what = getattr(error, "strerror", None) or type(error).__name__
        raise AuditError(f"{folder}: the audit log cannot be read ({what})") from None
