"""Questions to the log. A `Filter` in, rows or files out; `columns.py` reads the log, and `numbers.py` counts it.

Needs the extra `gatekeeper-consent[query]`. Rows hold what lines hold: names of fields, pseudonyms, never a value.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from gatekeeper.audit import columns, counted, lines, subjects
from gatekeeper.audit.segments import holds_log
from gatekeeper.errors import ConfigError
from gatekeeper.installation.ring import KeyRing

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

COLUMNS: Final = (
    "decided_at", "request_id", "event", "destination", "status", "reason", "attempts", "basis", "legal_basis", "sent",
    "stripped", "country", "region", "laws", "analytics", "marketing", "gpc", "policy", "subjects",
)  # fmt: skip
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

    @property
    def countable(self) -> bool:
        """Whether `counts` can answer: it knows neither persons nor requests."""
        return self.subjects is None and self.request_id is None

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
    """Every value in the log of what a field of `Filter` asks for: `destination`, `reason`, `law`, `sent`, …

    Where there is no log, DuckDB is not asked: a command says so without it.
    """
    column = {"law": "laws"}.get(of, of)
    if column not in COLUMNS:
        raise ValueError(f"{of} is not a column of the log")
    if not any(map(holds_log, (folder, *others))):
        return frozenset()
    value = f"unnest({column})" if column in _LISTS else column
    with columns.connect(folder, others) as connection:
        source = "(SELECT * FROM counts GROUP BY ALL HAVING sum(many) > 0)" if column in counted.DIMENSIONS else "log"
        found = connection.execute(f"SELECT DISTINCT {value} FROM {source}").fetchall()
    return frozenset(name for (name,) in found if name)


@columns.asked_again
def rows(folder: Path, which: Filter, *, limit: int, others: Sequence[Path] = ()) -> list[dict[str, Any]]:
    """The newest `limit` rows, newest first. The counts say when they were, and the log is asked of that time alone."""
    few = not which.countable  # else a few columns say first which ones
    names = ", ".join(COLUMNS if few else _WHICH)
    with columns.connect(folder, others) as connection:
        when = "true" if few else newest_when(connection, which, limit)
        condition, values = which.where(connection)
        # The limit stands on a table of its own: over a left join that finds nothing DuckDB 2.0.1 forgets it.
        connection.execute(
            f"CREATE TEMP TABLE chosen AS SELECT {names} FROM log "
            f"WHERE {condition} AND destination IS NOT NULL AND {when}",
            values,
        )
        connection.execute(f"CREATE TEMP TABLE newest AS SELECT * FROM chosen {_NEWEST_FIRST} LIMIT {limit}")
        source = "newest" if few else (
            f"log SEMI JOIN newest USING ({', '.join(_WHICH)}) "
            f"WHERE decided_at >= (SELECT min(decided_at) FROM newest) AND {when}"
        )  # fmt: skip
        found = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM {source} {_NEWEST_FIRST}").fetchall()
    return [dict(zip(COLUMNS, row, strict=True)) | {"decided_at": lines.timestamp_of(row[0])} for row in found]


def newest_when(connection: DuckDBPyConnection, which: Filter, limit: int) -> str:
    """The condition for the time of the newest `limit` rows."""
    at = replace(which, since=None, until=None)
    condition, values = at.where(connection)
    since = None if which.since is None else counted.floor(which.since)
    until = None if which.until is None else counted.ceiling(which.until)
    found = connection.execute(
        f"SELECT begins, sum(many)::BIGINT FROM counts WHERE {condition} AND destination IS NOT NULL "
        f"AND {counted.whole(since, until)} GROUP BY begins HAVING sum(many) > 0 ORDER BY begins DESC",
        values,
    ).fetchall()
    begins: list[datetime] = []
    for begin, many in found:
        begins.append(begin)
        if which.until is None or begin + counted.STEP <= which.until:  # else not all of these rows are asked for
            limit -= many
        if limit <= 0:
            break
    return counted.within(begins)


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
