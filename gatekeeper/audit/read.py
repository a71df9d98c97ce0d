"""Reading the log. Files in, records out: decision lines joined with the outcomes that came later."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from gatekeeper.audit import places
from gatekeeper.audit.lines import timestamp
from gatekeeper.audit.segments import Segment, lines, streams
from gatekeeper.audit.vocabulary import MARK, put_back
from gatekeeper.errors import AuditError
from gatekeeper.installation import ids

GUIDE_KEYS = ("timestamp", "request_id", "event_type", "consent_state", "deliveries")
_OURS: Final = ("kind", "commitment", "salt")  # of the line, and of no use in a record


_NAMED: Final = f'"{MARK}'.encode()  # a name's number stands in the line
_ID: Final = 30  # characters of an id of a request or of a receipt
_PREFIX: Final = 4  # of them, `req_` and `con_`
_LATER: Final = "9"  # than every time
_SLACK: Final = 120.0  # seconds between two of our clocks
_UNASKED: Final = 2  # segments of the time of an id that are read without a look at the columns
_LATE: Final = 86_400.0  # seconds by which a line may be written after its time


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
    """Lines as objects, with the names that stand in their tails. A torn last line, left by a crash, is left out."""
    for line in raw:
        if line.endswith(b"\n"):
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            yield put_back(record) if _NAMED in line else record


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


def find(folder: Path, request_id: str, others: Sequence[Path] = ()) -> list[dict[str, Any]]:
    """The records of one request: its decision, with the last outcome of each delivery. Raises AuditError.

    An honest log has one, or none; where several lines claim one id, each is given. The id says when it was made:
    segments that ended before are not opened, nor those that begin well after it once it is known how it ended. Where
    that is not known, as of a delivery that never ended, and where many segments are of that time, as under much load,
    those are read of which the columns do not say that they hold nothing of it. `others` are the folders of
    other machines' logs: outcomes may stand in any, and of a decision that stands in several the first log's counts.
    """
    base, _, number = request_id.partition(".")
    needles = tuple({f'"{request_id}"'.encode(), f'"{base}"'.encode()})
    made = _made_at(base)
    until = timestamp(made + _SLACK) if made else _LATER
    decisions: list[dict[str, Any]] = []
    outcomes: list[dict[str, Any]] = []
    try:
        for log in (folder, *others):
            here: list[dict[str, Any]] = []
            index, opened = places.Index(log, base), 0
            for begin, segment in _since(log, made - _SLACK):
                known = decisions or here
                if begin > until and known and all(_ended(join(one, outcomes)) for one in known):
                    break
                near = made > 0 and begin <= until
                if (not near or opened >= _UNASKED) and not index.may_hold(
                    segment, decision=near or not known or not made
                ):
                    continue
                opened += 1
                for record in events(parse(_holding(lines(segment), needles))):
                    if request_id in request_ids(record) or (not number and record.get("request_id") == base):
                        here.append(record)
                    elif request_id in record.get("request_ids", ()):
                        outcomes.append(record)
            decisions = decisions or here
    except (OSError, EOFError, zlib.error) as error:
        raise AuditError(f"{folder}: the audit log cannot be read ({_what(error)})") from None
    asked = {"element": int(number)} if number else {}
    return [join(decision, outcomes) | asked for decision in decisions]


def consents(folder: Path, receipt: str, others: Sequence[Path] = ()) -> list[dict[str, Any]]:
    """The lines of a consent receipt: one, or none, in an honest log, the first that has it. Raises AuditError.

    The id says when it was made, as a request's: segments that ended before, or begin well after it, are not opened.
    """
    needle = (f'"receipt":"{receipt}"'.encode(),)
    made = _made_at(receipt)
    until = timestamp(made + _SLACK) if made else _LATER
    try:
        for log in (folder, *others):
            found: list[dict[str, Any]] = []
            for begin, segment in _since(log, made - _SLACK):
                if begin > until and found:
                    break
                told = parse(_holding(lines(segment), needle))
                found += [record for record in told if record.get("kind") == "consent"]
            if found:
                return found
        return []
    except (OSError, EOFError, zlib.error) as error:
        raise AuditError(f"{folder}: the audit log cannot be read ({_what(error)})") from None


def request_ids(record: dict[str, Any]) -> list[str]:
    """The ids that a decision stands for: its own, or `req_x.0`, `req_x.1`, … of a group."""
    request_id, count = record.get("request_id"), record.get("count")
    if request_id is None:
        return []
    return [request_id] if count is None else [f"{request_id}.{n}" for n in range(count)]


def _holding(raw: Iterable[bytes], needles: tuple[bytes, ...]) -> Iterator[bytes]:
    return (line for line in raw if any(needle in line for needle in needles))


def _ended(record: dict[str, Any]) -> bool:
    return all(delivery["status"] in ("delivered", "blocked") for delivery in record["deliveries"])


def _made_at(name: str) -> float:
    """When the id of a request or a receipt was made, in Unix seconds; 0 of an id that is not ours."""
    try:
        return ids.milliseconds(name[_PREFIX:]) / 1000 if len(name) == _ID else 0.0
    except ValueError:
        return 0.0


def within(folder: Path, since: str | None, until: str | None, others: Sequence[Path] = ()) -> list[Segment]:
    """The segments that may hold lines of a period (RFC 3339, UTC), of other machines' logs, too, the oldest first.

    Raises OSError, EOFError, zlib.error.

    Looked for a day longer: a line that a crash or a full disk kept out of the log for hours stands behind its time.
    """
    since_at, until_at = (None if text is None else datetime.fromisoformat(text).timestamp() for text in (since, until))
    last = _LATER if until_at is None else timestamp(until_at + _LATE)
    first = 0.0 if since_at is None else since_at - _SLACK
    return [segment for begin, segment in _merged((folder, *others), first) if begin <= last or begin == _LATER]


def _merged(folders: Iterable[Path], at: float) -> list[tuple[str, Segment]]:
    """The segments of several logs that hold lines of a time or later, in the order of their first lines."""
    return sorted([one for folder in folders for one in _since(folder, at)], key=lambda one: one[0])


def _since(folder: Path, at: float) -> list[tuple[str, Segment]]:
    """The segments that hold lines of a time or later, in the order of their first lines, which were then."""
    found: list[tuple[str, str, int, Segment]] = []
    limit = timestamp(max(0.0, at))
    for parts in streams(folder).values():
        begins = [_at(next(parse([segment.first()]), {})) or _LATER for segment in parts]
        for segment, begin, end in zip(parts, begins, [*begins[1:], _LATER], strict=True):
            if end >= limit:
                found.append((begin, segment.stream, segment.number, segment))
    return [(begin, segment) for begin, *_, segment in sorted(found, key=lambda one: one[:3])]


def join(decision: dict[str, Any], outcomes: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The guide's record: its five keys first, then ours.

    Of several outcomes the one that ended a delivery counts, else that of the last attempt, wherever they stand.
    """
    last_of = {outcome["destination"]: outcome for outcome in sorted(outcomes, key=_place)}
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


def _place(outcome: dict[str, Any]) -> tuple[bool, int]:
    return outcome["status"] != "pending", int(outcome.get("attempts") or 0)


def _at(record: dict[str, Any]) -> str:
    return str(record.get("timestamp", ""))


def _what(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
