"""Questions to the log. A `Filter` in, rows, files or numbers over time out; columns.py reads the log.

Needs the extra `gatekeeper-consent[query]`. Rows hold what lines hold: names of fields, pseudonyms, never a value.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TextIO

from gatekeeper.audit import columns, lines, subjects
from gatekeeper.errors import ConfigError
from gatekeeper.installation.ring import KeyRing

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

COLUMNS: Final = (
    "decided_at", "request_id", "event", "destination", "status", "reason", "attempts", "basis", "legal_basis", "sent",
    "stripped", "country", "region", "laws", "analytics", "marketing", "gpc", "policy", "subjects",
)  # fmt: skip
STEPS: Final = ("hour", "day", "week", "month")
FORMATS: Final = {".csv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet"}
_LISTS: Final = frozenset({"sent", "stripped", "laws", "subjects"})
_SPAN: Final = re.compile(r"(\d{1,5})([mhdw])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows; an empty field asks nothing. `since` is inclusive, `until` exclusive, both UTC without zone."""

    since: datetime | None = None
    until: datetime | None = None
    destination: str | None = None
    status: str | None = None
    reason: str | None = None
    law: str | None = None
    event: str | None = None
    country: str | None = None
    sent: str | None = None  # a field that was sent
    stripped: str | None = None
    request_id: str | None = None
    subjects: frozenset[str] | None = None  # pseudonyms, any of

    def where(self, connection: DuckDBPyConnection) -> tuple[str, list[Any]]:
        """The condition and its parameters."""
        parts: list[str] = []
        values: list[Any] = []
        if self.subjects is not None:
            # In two steps: request ids are in the order of time, so a list of them prunes the big table, and of most
            # files nothing is read.
            found = connection.execute(
                f"SELECT DISTINCT request_id, file FROM people WHERE {columns.any_of('subject', self.subjects)}"
            ).fetchall()
            requests, files = {one for one, _ in found}, {file for _, file in found if file is not None}
            parts += [columns.any_of("request_id", requests), f"(file IS NULL OR {columns.any_of('file', files)})"]
        for condition, value in (
            ("decided_at >= ?", self.since),
            ("decided_at < ?", self.until),
            ("destination = ?", self.destination),
            ("status = ?", self.status),
            ("reason = ?", self.reason),
            ("list_contains(laws, ?)", self.law),
            ("event = ?", self.event),
            ("country = ?", self.country),
            ("list_contains(sent, ?)", self.sent),
            ("list_contains(stripped, ?)", self.stripped),
            ("request_id = ?", self.request_id),
        ):
            if value is not None:
                parts.append(condition)
                values.append(value)
        return " AND ".join(parts) or "true", values


def pseudonyms(ring: KeyRing, given: Mapping[str, str | None]) -> frozenset[str]:
    """Every pseudonym that identifiers have had in the log, by the options of `subjects.KINDS`.

    Raises ConfigError for what cannot be such an identifier: a typo must not read as "nothing was sent".
    """
    return frozenset(name for kind, reference in subjects.asked(given) for name in ring.names(kind, reference))


def moment(text: str, now: datetime) -> datetime:
    """A time on the command line: `2026-11-24`, an RFC 3339 time, or `36h`, `7d` before `now`. Raises ConfigError."""
    span = _SPAN.fullmatch(text)
    if span:
        return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f'"{text}" is not a time; write 2026-11-24, 2026-11-24T08:00:00Z, or 7d for a week ago'
        ) from None
    return when if when.tzinfo is None else (when - (when.utcoffset() or timedelta())).replace(tzinfo=None)


@columns.asked_again
def words(folder: Path, of: str, others: Sequence[Path] = ()) -> frozenset[str]:
    """Every value in the log of what a field of `Filter` asks for: `destination`, `reason`, `law`, `sent`, …"""
    column = {"law": "laws"}.get(of, of)
    if column not in COLUMNS:
        raise ValueError(f"{of} is not a column of the log")
    value = f"unnest({column})" if column in _LISTS else column
    with columns.connect(folder, others) as connection:
        return frozenset(name for (name,) in connection.execute(f"SELECT DISTINCT {value} FROM log").fetchall() if name)


@columns.asked_again
def rows(folder: Path, which: Filter, *, limit: int, others: Sequence[Path] = ()) -> list[dict[str, Any]]:
    """The newest `limit` rows, newest first. The last days are asked first: mostly they have as many."""
    few = which.subjects is not None or which.request_id is not None  # else a few columns say first which ones
    names = ", ".join(COLUMNS if few else _WHICH)
    with columns.connect(folder, others) as connection:
        for since in _beginnings(connection, which):
            condition, values = replace(which, since=since).where(connection)
            # The limit stands on a table of its own: over a left join that finds nothing DuckDB 2.0.1 forgets it.
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE chosen AS SELECT {names} FROM log "
                f"WHERE {condition} AND destination IS NOT NULL",
                values,
            )
            ((count,),) = connection.execute("SELECT count(*) FROM chosen").fetchall()
            if count >= limit:
                break
        connection.execute(f"CREATE TEMP TABLE newest AS SELECT * FROM chosen {_NEWEST_FIRST} LIMIT {limit}")
        source = "newest" if few else (
            f"log SEMI JOIN newest USING ({', '.join(_WHICH)}) "
            "WHERE decided_at >= (SELECT min(decided_at) FROM newest)"
        )  # fmt: skip
        found = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM {source} {_NEWEST_FIRST}").fetchall()
    return [dict(zip(COLUMNS, row, strict=True)) | {"decided_at": lines.timestamp_of(row[0])} for row in found]


def _beginnings(connection: DuckDBPyConnection, which: Filter) -> Iterator[datetime | None]:
    """From when on to look, the last one being what was asked for."""
    if which.since is None and which.subjects is None and which.request_id is None:
        ((newest,),) = connection.execute("SELECT max(decided_at) FROM written").fetchall()
        if newest is not None:
            newest = newest if which.until is None else min(newest, which.until)
            yield from (newest - timedelta(days=days) for days in (1, 30))
    yield which.since


@columns.asked_again
def export(folder: Path, which: Filter, target: Path, *, others: Sequence[Path] = ()) -> int:
    """Write every row to `target` (.csv, .json with an object a line, .parquet), oldest first; how many there were.

    In CSV a cell that a spreadsheet would take for a formula begins with an apostrophe, and lists are joined by spaces.
    """
    kind = FORMATS.get(target.suffix)
    if kind is None:
        raise ConfigError(f'"{target.name}": write to a file that ends in {", ".join(FORMATS)}')
    names = [_cell(name) if kind == "csv" else name for name in COLUMNS]
    if kind != "parquet":  # which has a type for it
        names[0] = f"strftime(decided_at, '{lines.TIME}') AS decided_at"
    with columns.connect(folder, others) as connection:
        condition, values = which.where(connection)
        connection.execute(
            f"CREATE TEMP TABLE chosen AS SELECT {', '.join(names)} FROM log "
            f"WHERE {condition} AND destination IS NOT NULL ORDER BY log.decided_at, request_id, destination",
            values,
        )
        if not target.exists():  # pseudonyms are in it: as the log, it is not for everybody to read
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o640))
        form = {
            "csv": "FORMAT csv, HEADER",
            "json": "FORMAT json",
            "parquet": "FORMAT parquet, COMPRESSION zstd",
        }[kind]
        connection.execute(f"COPY chosen TO '{str(target).replace(chr(39), chr(39) * 2)}' ({form}, USE_TMP_FILE false)")
        ((count,),) = connection.execute("SELECT count(*) FROM chosen").fetchall()
    return int(count)


def write_csv(found: Iterable[Mapping[str, Any]], target: TextIO) -> None:
    """Rows as CSV, with a head; a cell that a spreadsheet would take for a formula begins with an apostrophe."""
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_safe(row[name]) for name in COLUMNS] for row in found)


def _safe(value: Any) -> Any:
    text = " ".join(value) if isinstance(value, list) else value
    return "'" + text if isinstance(text, str) and text[:1] in tuple("=+-@\t\r") else text


def _cell(name: str) -> str:
    if name in _LISTS:
        text = f"array_to_string({name}, ' ')"
    elif name in ("event", "destination", "reason", "basis", "legal_basis", "policy", "request_id"):
        text = name
    else:
        return name
    return f"CASE WHEN regexp_matches({text}, '^[=+\\-@\\t\\r]') THEN '''' || {text} ELSE {text} END AS {name}"


_WHICH: Final = ("decided_at", "request_id", "destination")
_NEWEST_FIRST: Final = "ORDER BY decided_at DESC, request_id DESC, destination"


@dataclass(frozen=True, slots=True)
class Period:
    """One step of time: how many events there were, how many of them consented, and what became of their deliveries."""

    begins: str
    events: int
    analytics: int
    marketing: int
    gpc: int
    delivered: int
    failed: int
    pending: int
    blocked: dict[str, int]  # by reason


@dataclass(frozen=True, slots=True)
class Statistics:
    """Numbers over time and by destination; no person is in them."""

    by: str
    periods: tuple[Period, ...]
    destinations: dict[str, dict[str, int]]  # destination -> status -> count


@columns.asked_again
def statistics(folder: Path, which: Filter, *, by: str = "day", others: Sequence[Path] = ()) -> Statistics:
    """What happened, by `hour`, `day`, `week` or `month`. Raises ConfigError for another step."""
    if by not in STEPS:
        raise ConfigError(f'--by: "{by}" is not a step; use one of {", ".join(STEPS)}')
    with columns.connect(folder, others) as connection:
        condition, values = which.where(connection)
        counted = connection.execute(
            f"SELECT date_trunc('{by}', decided_at) AS begins, "
            "count(*) FILTER (once), count(*) FILTER (once AND analytics), count(*) FILTER (once AND marketing), "
            "count(*) FILTER (once AND gpc), count(*) FILTER (status = 'delivered'), "
            "count(*) FILTER (status = 'failed'), count(*) FILTER (status = 'pending') "
            f"FROM log WHERE {condition} GROUP BY begins ORDER BY begins",
            values,
        ).fetchall()
        blocked = connection.execute(
            f"SELECT date_trunc('{by}', decided_at), reason, count(*) FROM log "
            f"WHERE {condition} AND status = 'blocked' GROUP BY ALL ORDER BY 3 DESC",
            values,
        ).fetchall()
        destinations = connection.execute(
            f"SELECT destination, status, count(*) FROM log WHERE {condition} "
            "AND destination IS NOT NULL GROUP BY ALL ORDER BY 1, 2",
            values,
        ).fetchall()
    reasons: dict[Any, dict[str, int]] = {}
    for begins, reason, count in blocked:
        reasons.setdefault(begins, {})[reason or "unknown"] = count
    periods = tuple(
        Period(_day(begins, by), events, analytics, marketing, gpc, delivered, failed, pending, reasons.get(begins, {}))
        for begins, events, analytics, marketing, gpc, delivered, failed, pending in counted
    )
    return Statistics(by, periods, _nested(destinations))


class Permitted(NamedTuple):
    """One step of time: how many events there were, and what their visitors permitted."""

    begins: str
    events: int
    analytics: int
    marketing: int
    gpc: int


@columns.asked_again
def permissions(folder: Path, which: Filter, *, by: str) -> list[Permitted]:
    """What visitors permitted, by `STEPS`: of `statistics` the part that needs one look at few columns."""
    with columns.connect(folder) as connection:
        condition, values = which.where(connection)
        found = connection.execute(
            f"SELECT date_trunc('{by}', decided_at), count(*), count(*) FILTER (analytics), "
            "count(*) FILTER (marketing), count(*) FILTER (gpc) "
            f"FROM written WHERE once AND {condition} GROUP BY 1 ORDER BY 1",
            values,
        ).fetchall()
    return [Permitted(_day(begins, by), *numbers) for begins, *numbers in found]


@dataclass(frozen=True, slots=True)
class Fields:
    """What became of one destination's deliveries, field by field; no person is in it."""

    deliveries: int
    sent: dict[str, int]
    stripped: dict[str, int]
    endings: dict[tuple[str, str | None], int]  # status and reason


@columns.asked_again
def fields(folder: Path, which: Filter, *, others: Sequence[Path] = ()) -> Fields:
    """How often each field was sent and stripped, and how deliveries ended, of the rows that fit."""
    with columns.connect(folder, others) as connection:
        condition, values = which.where(connection)
        connection.execute(
            "CREATE TEMP TABLE chosen AS SELECT sent, stripped, status, reason, count(*) AS many FROM log "
            f"WHERE {condition} AND destination IS NOT NULL GROUP BY ALL",
            values,
        )
        each = "SELECT unnest({}) AS one, sum(many)::BIGINT FROM chosen GROUP BY one"
        counted = [dict(connection.execute(each.format(name)).fetchall()) for name in ("sent", "stripped")]
        ended = connection.execute("SELECT status, reason, sum(many)::BIGINT FROM chosen GROUP BY ALL").fetchall()
    endings = {(status, reason): many for status, reason, many in ended}
    return Fields(sum(endings.values()), counted[0], counted[1], endings)


def _day(at: datetime, by: str) -> str:
    return at.strftime("%Y-%m-%d %H:00" if by == "hour" else "%Y-%m-%d")


def _nested(found: Iterable[tuple[str, str, int]]) -> dict[str, dict[str, int]]:
    out: dict[str, dict[str, int]] = {}
    for destination, status, count in found:
        out.setdefault(destination, {})[status] = count
    return out
