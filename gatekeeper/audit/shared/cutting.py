"""References are cut out of what the archive and the engine have: of persons, or of all that is too old.

A machine that lives cuts its own log, and its references in the archive follow. Of a machine that is gone only the
archive can be reached: it is cut here, and a redaction line in this machine's log, with the name of that `log`, says
which lines; without it a proof would find that they have lost their subjects.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable
from typing import Any, Final

import orjson

from gatekeeper.audit import chain
from gatekeeper.audit.lines import Line, timestamp
from gatekeeper.audit.redact import Wanted
from gatekeeper.audit.shared import parts
from gatekeeper.audit.shared.objects import Archive
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.errors import AuditError

_PATIENCE: Final = 30.0  # seconds for the log


def of_persons(names: frozenset[str]) -> Callable[[Line], Line]:
    """What cuts persons out of a line that is not in a log's file."""
    return lambda line: Line(line.core) if not names.isdisjoint(line.refs) else line


def older(before: str) -> Callable[[Line], Line]:
    """What cuts everybody out of a line that is older than a time."""

    def cut(line: Line) -> Line:
        return Line(line.core) if line.refs and _time(line) < before else line

    return cut


def _time(line: Line) -> str:
    return str(orjson.loads(line.core).get("timestamp", ""))


def cut(
    archive: Archive, logs: Iterable[str], wanted: Wanted, writer: AuditWriter, *, reason: str, at: float, **more: Any
) -> int:
    """Cut references of the wanted lines out of the archive of machines that are gone; how many lines.

    The redaction line comes first, with a signature behind it. Raises AuditError.
    """
    lines = 0
    for log in logs:
        changed: dict[str, bytes] = {}
        ranges: list[list[Any]] = []
        for key in sorted(archive.references.list(f"{log}/")):
            if key.endswith(parts.REFERENCES):
                found, left = _cut(archive, key.removesuffix(parts.REFERENCES), wanted)
                if found:
                    changed[key] = left
                    ranges += found
        if changed:
            core = {"kind": "redaction", "timestamp": timestamp(at), "reason": reason, **more}
            core |= {"log": log, "ranges": ranges}
            writer.append([Line(orjson.dumps(core))], signed=True).result(_PATIENCE)
            for key, left in changed.items():
                archive.references.put(key, left)
            lines += len(ranges)
    return lines


def _cut(archive: Archive, stem: str, wanted: Wanted) -> tuple[list[list[Any]], bytes]:
    """The wanted lines of one segment, and the references that are left."""
    there = archive.references.get(stem + parts.REFERENCES)
    try:
        tails = gzip.decompress(there).splitlines(keepends=True)
    except (OSError, EOFError, zlib.error):
        raise AuditError(f"the references {stem} in the archive cannot be read") from None
    if not tails:
        return [], there
    listed = archive.heads.list(stem + parts.HEADS).get(stem + parts.HEADS)
    first = archive.heads.get(stem + parts.HEADS, None if listed is None else listed.version)
    lines = parts.together(first, there).splitlines(keepends=True)
    ranges, left = [], []
    for one in tails:
        sealed = chain.split(lines[int(one.partition(b" ")[0])])
        if sealed is not None and wanted(sealed):
            record = sealed.record
            ranges.append([record["stream"], record["n"], record["n"]])
        else:
            left.append(one)
    return ranges, gzip.compress(b"".join(left), 6, mtime=0)
