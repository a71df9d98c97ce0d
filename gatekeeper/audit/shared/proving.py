"""Every machine's log is verified, and each against what the others signed of it. Folders in, a report for each out.

A checkpoint names the ends of the other machines' logs (`nodes`). So a log whose end was cut off, or that is not there
at all, is missed, also where its whole machine is gone with the key it signed with.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from gatekeeper.audit import segments
from gatekeeper.audit.facts import UNREADABLE
from gatekeeper.audit.segments import Head
from gatekeeper.audit.shared.mirror import Other
from gatekeeper.audit.shared.trail import DESTROYED
from gatekeeper.audit.verify import Report, verify
from gatekeeper.errors import AuditError

_NODES: Final = b'"nodes":[['


class Proof(NamedTuple):
    """What became of another machine's log. `last` is the last line of it that is known of."""

    other: Other
    report: Report
    last: Head | None


def claims(folder: Path) -> dict[str, set[Head]]:
    """What the checkpoints of a log say of the others. Raises AuditError."""
    found: dict[str, set[Head]] = {}
    try:
        for parts in segments.streams(folder).values():
            for segment in parts:
                for raw in segments.lines(segment):
                    if _NODES in raw and raw.endswith(b"}\n"):
                        _take(raw, found)
    except (OSError, EOFError, zlib.error) as error:
        raise AuditError(f"{folder}: the audit log cannot be read ({type(error).__name__})") from None
    return found


def _take(raw: bytes, found: dict[str, set[Head]]) -> None:
    try:
        for log, stream, n, digest in orjson.loads(raw)["nodes"]:
            bytes.fromhex(digest)
            found.setdefault(str(log), set()).add(Head(str(stream), int(n), digest))
    except UNREADABLE:
        return  # its own log's proof says that it is no line of a log


def prove(
    own: Path,
    others: Sequence[Other],
    report: Report,
    *,
    progress: Callable[[int], None] = lambda size: None,
) -> list[Proof]:
    """Verify the others' logs; `report` is the one of this machine's. Raises AuditError, OSError."""
    said: dict[str, set[Head]] = {}
    for folder in (own, *(one.folder for one in others)):
        for log, heads in claims(folder).items():
            said.setdefault(log, set()).update(heads)
    reports = {one.peer.log: _verified(one, said, (), progress) for one in others}
    allowed = [*report.elsewhere, *(one for made in reports.values() for one in made.elsewhere)]
    for one in others:  # what was cut where its machine is gone, by the signed line of another
        theirs = [redaction for redaction in allowed if redaction[0] == one.peer.log]
        if theirs:
            reports[one.peer.log] = _verified(one, said, theirs, progress)
    return [Proof(one, reports[one.peer.log], _last({*one.heads, *said.get(one.peer.log, ())})) for one in others]


def _verified(
    one: Other, said: dict[str, set[Head]], allowed: Iterable[tuple[str, str, int, int]],
    progress: Callable[[int], None],
) -> Report:  # fmt: skip
    """What is not in the archive yet is on the disk of a machine that lives, and lost with one that was destroyed."""
    partial = one.peer.lives or one.peer.gone == DESTROYED
    heads = {*one.heads, *said.get(one.peer.log, ())}
    return verify(
        one.folder, trusted=one.peer.keys, heads=sorted(heads), partial=partial, progress=progress,
        allowed=[(stream, first, last) for _, stream, first, last in allowed],
    )  # fmt: skip


def _last(heads: Iterable[Head]) -> Head | None:
    """The last line of the stream that was begun last."""
    return max(heads, key=lambda head: (head.stream, head.n), default=None)
