"""Reading the log. Files in, records out: decision lines joined with the outcomes that came later."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from gatekeeper import ids
from gatekeeper.audit.lines import timestamp
from gatekeeper.audit.segments import Segment, lines, streams
from gatekeeper.errors import AuditError

GUIDE_KEYS = ("timestamp", "request_id", "event_type", "consent_state", "deliveries")
_OURS: Final = ("kind", "commitment", "salt")  # of the line, and of no use in a record


_ID: Final = 30  # characters of a request id
_LATER: Final = "9"  # than every time
_SLACK: Final = 120.0  # seconds between two of our clocks


def files(folder: Path) -> list[Segment]:
    """The log's segments: by stream, oldest first."""
    return [segment for parts in streams(folder).values() for segment in parts]


def records(folder: Path) -> Iterator[dict[str, Any]]:
    """Every whole decision and outcome as an object, segment by segment. Raises AuditError."""
    try:
        for segment in files(folder):
            yield from events(parse(lines(segment)))
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
    """The record of one request: its decision, with the last outcome of each delivery. Raises AuditError.

    The id says when it was made: segments that ended before are not opened, nor those after it is known how it ended.
    """
    needle = b'"' + request_id.encode() + b'"'
    decision: dict[str, Any] | None = None
    outcomes: list[dict[str, Any]] = []
    try:
        for segment in _since(folder, _made_at(request_id) - _SLACK):
            for record in events(parse(line for line in lines(segment) if needle in line)):
                if record.get("request_id") == request_id:
                    decision = record
                elif request_id in record.get("request_ids", ()):
                    outcomes.append(record)
            if decision is not None and all(
                delivery["status"] in ("delivered", "blocked") for delivery in join(decision, outcomes)["deliveries"]
            ):
                break
    except (OSError, EOFError, zlib.error) as error:
        raise AuditError(f"{folder}: the audit log cannot be read ({_what(error)})") from None
    return None if decision is None else join(decision, outcomes)


def _made_at(request_id: str) -> float:
    """Unix seconds; 0 of an id that is not ours."""
    try:
        return ids.milliseconds(request_id) / 1000 if len(request_id) == _ID else 0.0
    except ValueError:
        return 0.0


def _since(folder: Path, at: float) -> list[Segment]:
    """The segments that hold lines of a time or later, in the order of their first lines."""
    found: list[tuple[str, str, int, Segment]] = []
    limit = timestamp(max(0.0, at))
    for parts in streams(folder).values():
        begins = [_at(next(parse(lines(segment)), {})) or _LATER for segment in parts]
        for segment, begin, end in zip(parts, begins, [*begins[1:], _LATER], strict=True):
            if end >= limit:
                found.append((begin, segment.stream, segment.number, segment))
    return [segment for *_, segment in sorted(found, key=lambda one: one[:3])]


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
