"""Reading the log. Files in, records out: decision lines joined with the outcomes that came later."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from gatekeeper.audit.lines import timestamp
from gatekeeper.audit.segments import Segment, lines, streams
from gatekeeper.errors import AuditError

GUIDE_KEYS = ("timestamp", "request_id", "event_type", "consent_state", "deliveries")
_OURS: Final = ("kind", "commitment", "salt")  # of the line, and of no use in a record


def files(folder: Path) -> list[Segment]:
    """The log's segments: by stream, oldest first."""
    return [segment for parts in streams(folder).values() for segment in parts]


def records(folder: Path, containing: bytes = b"") -> Iterator[dict[str, Any]]:
    """Every whole decision and outcome as an object, segment by segment; only lines with some bytes, if given.

    Raises AuditError if the folder cannot be read.
    """
    try:
        for segment in files(folder):
            yield from events(parse(line for line in lines(segment) if containing in line))
    except (OSError, EOFError, zlib.error) as error:
        raise AuditError(f"{folder}: the audit log cannot be read ({_what(error)})") from None


def parse(raw: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Lines as objects. A torn last line, as a crash leaves it, is left out."""
    for line in raw:
        if line.endswith(b"\n"):
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                continue


def events(found: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Those records that are about events, not about the log itself."""
    return (record for record in found if record.get("kind") in ("decision", "outcome"))


def last(folder: Path, count: int, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """The newest `count` records that are wanted, oldest first. Raises AuditError.

    Segments that were written last before the oldest of them are not opened.
    """
    found: list[dict[str, Any]] = []
    try:
        by_time = sorted(((segment.path.stat().st_mtime, segment) for segment in files(folder)), reverse=True)
    except OSError:  # one was compressed meanwhile
        by_time = [(time.time(), segment) for segment in files(folder)]
    try:
        for written, segment in by_time if count > 0 else ():
            if len(found) == count and timestamp(written) < _at(found[0]):
                break
            new = (record for record in parse(lines(segment)) if wanted(record))
            found = sorted([*new, *found], key=_at)[-count:]
    except (OSError, EOFError, zlib.error) as error:
        raise AuditError(f"{folder}: the audit log cannot be read ({_what(error)})") from None
    return found


def find(folder: Path, request_id: str) -> dict[str, Any] | None:
    """The record of one request: its decision, with the last outcome of each delivery."""
    decision: dict[str, Any] | None = None
    outcomes = []
    for record in records(folder, b'"' + request_id.encode() + b'"'):
        if record.get("request_id") == request_id:
            decision = record
        elif request_id in record.get("request_ids", ()):
            outcomes.append(record)
    return None if decision is None else join(decision, outcomes)


def join(decision: dict[str, Any], outcomes: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The guide's record: its five keys first, then ours."""
    last_of = {outcome["destination"]: outcome for outcome in outcomes}
    deliveries = []
    for delivery in decision["deliveries"]:
        outcome = last_of.get(delivery["destination"])
        if outcome is not None and delivery["status"] == "pending":
            delivery = delivery | {"status": outcome["status"], "attempts": outcome["attempts"]}
            if outcome["reason"] is not None:
                delivery["reason"] = outcome["reason"]
        deliveries.append(delivery)
    record = decision | {"deliveries": deliveries}
    if "subjects" not in record:
        record["subjects"] = []
    return {key: record[key] for key in GUIDE_KEYS} | {
        key: value for key, value in record.items() if key not in GUIDE_KEYS and key not in _OURS
    }


def _at(record: dict[str, Any]) -> str:
    return str(record.get("timestamp", ""))


def _what(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
