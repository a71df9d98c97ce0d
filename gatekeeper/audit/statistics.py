"""Numbers that outlive the lines they were counted from: a block per segment, written before its lines are pruned.

    statistics.jsonl, beside the log's folder: {"segment": …, "until": "2026-11-24", "cells": [{…, "count": 12}, …]}

A cell is a day, destination, status, reason, laws and what was consented to. Cells of fewer than five are merged: first
without reason, laws and consent, then without the destination. No id is in them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from gatekeeper.audit import read, segments
from gatekeeper.audit.segments import Segment
from gatekeeper.errors import AuditError

FILE: Final = "statistics.jsonl"
SMALLEST: Final = 5  # events of a cell
OTHER: Final = "other"


class Cell(NamedTuple):
    """What deliveries have in common."""

    day: str
    destination: str
    status: str
    reason: str | None
    laws: str | None
    analytics: bool | None
    marketing: bool | None


def path(folder: Path) -> Path:
    """Where the statistics of a log are."""
    return folder.parent / FILE


def keep(folder: Path, found: Sequence[Segment]) -> None:
    """Count the lines of segments and write it down, durably; of those that were counted before, nothing.

    Raises AuditError.
    """
    try:
        blocks = kept(folder)
        known = {block["segment"] for block in blocks}
        new = [one for one in found if _name(one) not in known]
        outcomes = _outcomes(found)
        blocks += [_block(one, outcomes) for one in new]
        if new:
            _write(folder, blocks)
    except OSError as error:
        raise AuditError(f"{path(folder)}: cannot be written ({error.strerror})") from None


def kept(folder: Path) -> list[dict[str, Any]]:
    """All blocks. Raises AuditError where the file is damaged."""
    try:
        return [orjson.loads(line) for line in path(folder).read_bytes().splitlines()]
    except FileNotFoundError:
        return []
    except (OSError, orjson.JSONDecodeError) as error:
        raise AuditError(f"{path(folder)}: cannot be read ({type(error).__name__})") from None


def forget(folder: Path, before: str, *, only_count: bool = False) -> int:
    """Remove the blocks that end before a day (`2026-11-24`); how many. Raises AuditError."""
    blocks = kept(folder)
    left = [block for block in blocks if block["until"] >= before]
    if len(left) < len(blocks) and not only_count:
        try:
            _write(folder, left)
        except OSError as error:
            raise AuditError(f"{path(folder)}: cannot be written ({error.strerror})") from None
    return len(blocks) - len(left)


def merged(counted: Counter[Cell]) -> Counter[Cell]:
    """The same events in cells that are not too small, as far as there are others of that day to put them with."""
    for wider in (_without_reasons, _without_destination):
        found = Counter[Cell]()
        for cell, count in counted.items():
            found[cell if count >= SMALLEST else wider(cell)] += count
        counted = found
    return counted


def _without_reasons(cell: Cell) -> Cell:
    return cell._replace(reason=OTHER, laws=OTHER, analytics=None, marketing=None)


def _without_destination(cell: Cell) -> Cell:
    return _without_reasons(cell)._replace(destination=OTHER, status=OTHER)


def _outcomes(found: Iterable[Segment]) -> dict[tuple[str, str], dict[str, Any]]:
    """The last outcome of each event at each destination."""
    return {
        (request_id, record["destination"]): record
        for segment in found
        for record in read.parse(segments.lines(segment))
        if record.get("kind") == "outcome"
        for request_id in record["request_ids"]
    }


def _block(segment: Segment, outcomes: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    counted, until = Counter[Cell](), ""
    for record in read.parse(segments.lines(segment)):
        until = max(until, str(record.get("timestamp", ""))[:10])
        if record.get("kind") != "decision":
            continue
        consent, place = record.get("consent_state", {}), record.get("jurisdiction", {})
        for request_id in read.request_ids(record):
            for one in record["deliveries"]:
                last = outcomes.get((request_id, one["destination"])) if one["status"] == "pending" else None
                last = last or one
                cell = Cell(
                    record["timestamp"][:10], one["destination"], last["status"], last.get("reason"),
                    " ".join(place.get("laws", ())), consent.get("analytics"), consent.get("marketing"),
                )  # fmt: skip
                counted[cell] += 1
    cells = [cell._asdict() | {"count": count} for cell, count in sorted(merged(counted).items(), key=str)]
    return {"segment": _name(segment), "until": until, "cells": cells}


def _name(segment: Segment) -> str:
    return f"{segment.stream}.{segment.number:06}"


def _write(folder: Path, blocks: Iterable[dict[str, Any]]) -> None:
    segments.write_whole(path(folder), b"".join(orjson.dumps(block) + b"\n" for block in blocks))
