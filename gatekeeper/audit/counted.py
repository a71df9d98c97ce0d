"""The log counted by quarters of an hour: what questions that ask how many, and when, read instead of all its rows.

Pure. SQL out. Each closed segment has a small file of counts beside its columns, in which deliveries that have
everything in common but their request and their second are one row; `columns.py` makes it, and the view `counts` over
all of them. An outcome that came in a later segment is taken off where its delivery was pending, and added.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

STEP: Final = timedelta(minutes=15)
DIMENSIONS: Final = (
    "event", "destination", "status", "reason", "sent", "stripped", "country", "laws", "analytics", "marketing", "gpc",
    "once",
)  # fmt: skip
_BEGINS: Final = "time_bucket(INTERVAL 15 MINUTES, decided_at) AS begins"
_RANGES: Final = 64  # spans of time that stand in one question


def count(source: str) -> str:
    """The rows of a table or view, counted."""
    return f"SELECT {_BEGINS}, {', '.join(DIMENSIONS)}, count(*) AS many FROM {source} GROUP BY ALL"


def moved(written: str, late: str) -> str:
    """The deliveries that were pending in their segment and have an outcome in a later one: one off, and one added."""
    changes = "[{{s: {0}.status, r: {0}.reason, m: {1}}}]"
    both = f"{changes.format('d', -1)} || {changes.format('o', 1)}"
    names = {"status": "change.s AS status", "reason": "change.r AS reason"}
    kept = ", ".join(names.get(name, name) for name in DIMENSIONS)
    rest = ", ".join(f"d.{name}" for name in ("decided_at", *DIMENSIONS) if name not in names)
    return (
        f"SELECT {_BEGINS}, {kept}, change.m AS many FROM (SELECT {rest}, unnest({both}) AS change "
        f"FROM {written} d JOIN {late} o ON d.request_id = o.request_id AND d.destination = o.destination "
        "WHERE d.status = 'pending')"
    )


def floor(at: datetime) -> datetime:
    """The beginning of the quarter of an hour that a time is in."""
    return at - timedelta(minutes=at.minute % 15, seconds=at.second, microseconds=at.microsecond)


def ceiling(at: datetime) -> datetime:
    """The beginning of the next quarter of an hour, unless one begins at that time."""
    whole = floor(at)
    return whole if whole == at else whole + STEP


def whole(since: datetime | None, until: datetime | None) -> str:
    """The condition on `counts` for the quarters that are in a span of time as a whole."""
    parts = [] if since is None else [f"begins >= {text(ceiling(since))}"]
    parts += [] if until is None else [f"begins < {text(floor(until))}"]
    return " AND ".join(parts) or "true"


def edges(since: datetime | None, until: datetime | None) -> str:
    """The condition on `log` for what the quarters that are in a span as a whole leave out at its ends."""
    parts = []
    if since is not None and ceiling(since) != since:
        parts.append(f"decided_at < {text(ceiling(since))}")
    if until is not None and floor(until) != until:
        parts.append(f"decided_at >= {text(floor(until))}")
    return f"({' OR '.join(parts)})" if parts else "false"


def within(begins: Iterable[datetime]) -> str:
    """The condition on `log` for some quarters of an hour; for many, for all from the first to the last of them."""
    spans: list[tuple[datetime, datetime]] = []
    for one in sorted(begins):
        if spans and spans[-1][1] == one:
            spans[-1] = spans[-1][0], one + STEP
        else:
            spans.append((one, one + STEP))
    if len(spans) > _RANGES:
        spans = [(spans[0][0], spans[-1][1])]
    each = (f"(decided_at >= {text(first)} AND decided_at < {text(end)})" for first, end in spans)
    return f"({' OR '.join(each)})" if spans else "false"


def text(at: datetime) -> str:
    """A time as it stands in a question: for parameters no block is left out."""
    return f"TIMESTAMP '{at.isoformat(sep=' ')}'"
