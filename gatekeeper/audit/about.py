"""What the log says of a person. Pseudonyms in; rows, and how often each pseudonym is in the log, out. Only reads.

With DuckDB (`gatekeeper[query]`) closed segments are asked by their columns, in a second for ten million lines;
without, every segment is read. Both give the same rows.
"""

from __future__ import annotations

import contextlib
import re
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from gatekeeper.audit import chain, columns, query, read, redact, segments
from gatekeeper.audit.lines import timestamp_of
from gatekeeper.errors import AuditError, ConfigError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

R = TypeVar("R")
COLUMNS: Final = (
    "decided_at", "request_id", "event", "destination", "status", "reason", "basis", "legal_basis", "sent", "country",
    "region", "laws", "subjects",
)  # fmt: skip

_OUTCOME: Final = b'"kind":"outcome"'
_QUOTED: Final = re.compile(rb'"([^"\\]+)"')


class About(NamedTuple):
    """What the log says: `rows` are events at destinations, the oldest first, with `COLUMNS`.

    `lines` are the decisions that name the person, those in segments that are still written to (`open`) among them,
    and `torn` remains of crashes that do. `together`: the pseudonyms of each line; `requests`: the ids that lines bear.
    """

    rows: tuple[dict[str, Any], ...]
    lines: int
    open: int
    torn: int
    columns: int
    together: tuple[frozenset[str], ...]
    requests: frozenset[str]


@contextlib.contextmanager
def opened(folder: Path, others: Sequence[Path] = ()) -> Iterator[Log]:
    """The log, with those of other machines, to be asked several times. Raises AuditError."""
    try:
        connection = columns.connect(folder, others)
    except ConfigError:
        yield Log(folder, None, others)
        return
    log = Log(folder, connection, others)
    try:
        yield log
    finally:
        log.close()


def about(folder: Path, names: Collection[str]) -> About:
    """What lines name one of these pseudonyms. Raises AuditError."""
    with opened(folder) as log:
        return log.about(names)


class Log:
    """A log that is asked about persons; `connection` is None without DuckDB."""

    def __init__(self, folder: Path, connection: DuckDBPyConnection | None, others: Sequence[Path] = ()) -> None:
        self._folder = folder
        self._all = (folder, *others)
        self._connection, self._columns = connection, connection is not None

    def close(self) -> None:
        """Close the connection; the next question makes another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @columns.asked_again
    def _ask(self, question: Callable[[DuckDBPyConnection], R]) -> R:
        if self._connection is None:
            self._connection = columns.connect(self._folder, self._all[1:])
        try:
            return question(self._connection)
        except Exception:
            self.close()
            raise

    def about(self, names: Collection[str]) -> About:
        """What lines name one of these pseudonyms. Raises AuditError."""
        folder, wanted = self._folder, frozenset(names)
        if self._columns:
            rows = self._ask(lambda connection: _asked(connection, wanted))
        else:
            rows = sorted(_read(self._all, wanted), key=lambda row: (row["decided_at"], row["request_id"]))
        lines = {str(row["request_id"]): frozenset(row["subjects"]) for row in rows}
        return About(
            tuple([row for row in rows if row["destination"] is not None]),
            len(lines),
            _open(folder, wanted),
            len(torn(folder, wanted)),
            len([*(folder / columns.FOLDER).glob("*.parquet")]) if rows else 0,
            tuple(lines.values()),
            frozenset([one.partition(".")[0] for one in lines]),
        )

    def counts(self, names: Collection[str]) -> Mapping[str, int]:
        """In how many decisions each of these pseudonyms is. Raises AuditError."""
        if not names:
            return {}
        if self._columns:
            where = columns.any_of("subject", names)
            sql = f"SELECT subject, count(DISTINCT request_id) FROM people WHERE {where} GROUP BY 1"  # noqa: S608  # ours
            found = self._ask(lambda connection: connection.execute(sql).fetchall())
            return {subject: int(count) for subject, count in found}
        wanted, counted = frozenset(names), Counter[str]()
        for record in _once(self._all, wanted):
            times = 1 if record.get("count") is None else int(record["count"])
            counted.update(dict.fromkeys(wanted.intersection(record.get("subjects", ())), times))
        return dict(counted)


def torn(folder: Path, names: Collection[str]) -> list[Path]:
    """Remains of crashes that name the person. Raises AuditError."""
    needles = [name.encode() for name in names]
    try:
        return [path for path in sorted(folder.glob("*.torn")) if any(one in path.read_bytes() for one in needles)]
    except OSError as error:
        raise AuditError(f"{folder}: the audit log cannot be read ({error.strerror})") from None


def _open(folder: Path, names: frozenset[str]) -> int:
    """Lines about the person in segments that are still written to: of all kinds."""
    try:
        streams = segments.streams(folder)
    except OSError as error:
        raise AuditError(f"{folder}: the audit log cannot be read ({error.strerror})") from None
    last = {parts[-1] for stream, parts in streams.items() if segments.alive(folder, stream)}
    return redact.find(folder, redact.about(names), skip=lambda segment: segment not in last).waiting if last else 0


def _asked(connection: DuckDBPyConnection, names: frozenset[str]) -> list[dict[str, Any]]:
    """Search the columns of closed segments with DuckDB."""
    condition, values = query.Filter(subjects=names).where(connection)
    found = connection.execute(
        f"SELECT {', '.join(COLUMNS)} FROM log WHERE {condition} "  # noqa: S608  # ours
        "ORDER BY log.decided_at, request_id, destination",
        values,
    ).fetchall()
    return [dict(zip(COLUMNS, row, strict=True)) | {"decided_at": timestamp_of(row[0])} for row in found]


def _records(folder: Path, names: frozenset[str]) -> Iterator[dict[str, Any]]:
    """Decisions about the person, as they stand."""
    wanted = frozenset([name.encode() for name in names])
    for record in _parsed(folder, lambda line: not wanted.isdisjoint(chain.SUBJECT.findall(line))):
        if record["kind"] == "decision" and not names.isdisjoint(record.get("subjects", ())):
            yield record


def _parsed(folder: Path, wanted: Callable[[bytes], bool]) -> Iterator[dict[str, Any]]:
    """Decisions and outcomes whose lines are wanted; the others are not parsed. Raises AuditError."""
    try:
        for segment in read.files(folder):
            yield from read.events(read.parse(filter(wanted, segments.lines(segment))))
    except (OSError, EOFError, zlib.error) as error:
        raise AuditError(f"{folder}: the audit log cannot be read ({type(error).__name__})") from None


def _once(folders: Sequence[Path], names: frozenset[str]) -> Iterator[dict[str, Any]]:
    """Decisions about the person in every log; one that another machine wrote again counts once."""
    seen: set[str] = set()
    for folder in folders:
        for record in _records(folder, names):
            if record["request_id"] not in seen:
                seen.add(record["request_id"])
                yield record


def _read(folders: Sequence[Path], names: frozenset[str]) -> Iterator[dict[str, Any]]:
    """By reading everything twice: who is in it, then how their deliveries ended."""
    decisions = [*_once(folders, names)]
    wanted = {one for record in decisions for one in read.request_ids(record)}
    outcomes: dict[str, list[dict[str, Any]]] = {}
    for record in _outcomes(folders, wanted):
        for request_id in record["request_ids"]:
            outcomes.setdefault(request_id, []).append(record)
    for record in decisions:
        for request_id in read.request_ids(record):
            yield from _rows(read.join(record, outcomes.get(request_id, ())), request_id)


def _outcomes(folders: Sequence[Path], wanted: Collection[str]) -> Iterable[dict[str, Any]]:
    if not wanted:
        return
    ids = frozenset([one.encode() for one in wanted])
    told = lambda line: _OUTCOME in line and not ids.isdisjoint(_QUOTED.findall(line))  # noqa: E731  # for each folder
    for record in (one for folder in folders for one in _parsed(folder, told)):
        if record["kind"] == "outcome" and any(one in wanted for one in record["request_ids"]):
            yield record


def _rows(record: dict[str, Any], request_id: str) -> Iterator[dict[str, Any]]:
    place = record.get("jurisdiction") or {}
    shared = {
        "decided_at": record["timestamp"], "request_id": request_id, "event": record["event_type"],
        "country": place.get("country"), "region": place.get("region"), "laws": place.get("laws", []),
        "subjects": record["subjects"],
    }  # fmt: skip
    nothing = {"destination": None, "status": None, "reason": None, "consent_basis": None, "legal_basis": None}
    for one in record["deliveries"] or [nothing]:
        row = shared | {
            "destination": one["destination"], "status": one["status"], "reason": one.get("reason"),
            "basis": one.get("consent_basis"), "legal_basis": one.get("legal_basis"),
            "sent": one.get("fields_sent") or [],
        }  # fmt: skip
        yield {name: row[name] for name in COLUMNS}
