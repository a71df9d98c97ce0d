"""The log in columns: one Parquet file per segment, made when it is first asked for, for questions over all of it.

Acts. A folder of JSON lines in, a DuckDB connection out, with the view `log`, a row per event and destination with
its outcome joined, the view `counts` of the same (`counted.py`), and the view `people`, which pseudonym is in which
request. The files stay beside the log in `columns/`. A file is made again when its segment changes; an open segment is
read directly. They hold nothing that the lines do not hold, and `forget` removes them.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from gatekeeper.audit import counted, relations
from gatekeeper.audit.segments import FORMS, Segment, paths
from gatekeeper.errors import AuditError, missing
from gatekeeper.installation.locks import Lock

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

P = ParamSpec("P")
R = TypeVar("R")
FOLDER: Final = "columns"
_SUBJECTS: Final = "subjects-"
_COUNTS: Final = "counts-"
_ATTEMPTS: Final = 5
_PATIENCE: Final = 600.0  # seconds for another process that makes them
_FORM: Final = 4  # of the columns; those of another form are made again
_GROUP: Final = 4_096  # rows that are read together: a person has few, and they are in many files
_FEW: Final = 2_048  # the same of who is where: the least there is
_MANY: Final = 122_880  # the same of counts, which are read as a whole


def connect(folder: Path, others: Sequence[Path] = ()) -> DuckDBPyConnection:
    """A connection whose view `log` is the whole log under `folder`, and of other machines under `others`.

    A question over it may find a file removed that another process has made again: see `asked_again`. Raises
    ConfigError if the extra is not installed, AuditError if the log cannot be read.
    """
    return _connected(folder, lambda connection: _load(connection, (folder, *others)))


def make(folder: Path) -> None:
    """Make the columns of one machine's log where they are not there. Raises as `connect` does."""
    _connected(folder, lambda connection: _columns(connection, folder)).close()


def _connected(folder: Path, load: Callable[[DuckDBPyConnection], object]) -> DuckDBPyConnection:
    for attempt in range(_ATTEMPTS):
        connection = _bare()
        import duckdb

        try:
            load(connection)
        except (OSError, duckdb.Error) as error:
            connection.close()
            gone = isinstance(error, (FileNotFoundError, duckdb.IOException))  # a segment was compressed meanwhile
            if not gone or attempt == _ATTEMPTS - 1:
                raise AuditError(f"{folder}: the audit log cannot be read ({type(error).__name__})") from None
        else:
            break
    return connection


def _bare() -> DuckDBPyConnection:
    """A connection to an empty database in memory. Raises ConfigError if the extra is not installed."""
    try:
        import duckdb
    except ImportError:
        raise missing("a question over the log", "duckdb", "query") from None
    # Nothing is fetched: JSON and Parquet are built in.
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false", "autoload_known_extensions": "false",
    }  # fmt: skip
    return duckdb.connect(config=config)


def asked_again(question: Callable[P, R]) -> Callable[P, R]:
    """A question that connects, asked from its beginning where a file that it reads is replaced meanwhile."""

    @functools.wraps(question)
    def asked(*args: P.args, **more: P.kwargs) -> R:
        for _ in range(_ATTEMPTS - 1):
            try:
                return question(*args, **more)
            except Exception as error:
                if not replaced(error):
                    raise
        return question(*args, **more)

    return asked


def replaced(error: Exception) -> bool:
    """Whether a connection missed a file: another process has replaced or removed it since."""
    duckdb = sys.modules.get("duckdb")  # without the extra there is none, and no such error
    return duckdb is not None and isinstance(error, duckdb.IOException)


def any_of(column: str, values: Collection[str]) -> str:
    """The condition that a column has one of some values. They stand in it: for parameters no block is left out."""
    return f"{column} IN ({', '.join(map(_text, sorted(values)))})" if values else "false"


def forget(folder: Path, of: Iterable[Segment] | None = None) -> None:
    """Remove what was made of some segments, after something in them was removed; if none are named, of all."""
    made = [*(folder / FOLDER).glob("*.parquet"), *(folder / FOLDER).glob(".*.tmp")]
    names = None if of is None else [segment.packed.name for segment in of]
    for path in made:
        if names is None or any(f"{name}-" in path.name for name in names):
            path.unlink(missing_ok=True)


def forget_stale(folder: Path) -> None:
    """Remove what was made of segments as they are no longer. Raises OSError."""
    keep = {beside for made in wanted_segments(folder)[0].values() for beside in _beside(made)}
    for path in [*(folder / FOLDER).glob("*.parquet"), *(folder / FOLDER).glob(".*.tmp")]:
        if path not in keep:
            path.unlink(missing_ok=True)


def _load(connection: DuckDBPyConnection, folders: Sequence[Path]) -> None:
    wanted: list[Path] = []
    opened: list[Path] = []
    for folder in folders:
        made, fresh = _columns(connection, folder)
        wanted += made
        opened += fresh
    _views(connection, wanted, opened, once=len(folders) > 1)


def _columns(connection: DuckDBPyConnection, folder: Path) -> tuple[list[Path], list[Path]]:
    """The files of columns of one machine's log, made where they are not there; and its open segments."""
    wanted, opened = wanted_segments(folder)
    if not _complete(folder, wanted):
        with alone(folder):
            (folder / FOLDER).mkdir(mode=0o750, exist_ok=True)
            wanted, opened = wanted_segments(folder)
            for segment, made in wanted.items():
                if not all(path.exists() for path in (made, _late(made), _subjects(made))):
                    _read(connection, [segment])
                    _write(connection, made)
                if not _counts(made).exists():
                    _put(connection, counted.count(f"read_parquet({_text(str(made))})"), _counts(made), _MANY)
            keep = {beside for made in wanted.values() for beside in _beside(made)}
            for path in (folder / FOLDER).glob("*.parquet"):  # of segments that changed or went
                if path not in keep:
                    path.unlink(missing_ok=True)
    return list(wanted.values()), opened


def wanted_segments(folder: Path) -> tuple[dict[Path, Path], list[Path]]:
    """Closed segments, with the file of columns that each has or gets; and those that are read as they are."""
    plain, packed = (sorted(paths(folder, "", form)) for form in FORMS)
    closed = {}
    for segment in packed:
        stat = segment.stat()
        closed[segment] = folder / FOLDER / f"{segment.name}-{stat.st_size}-{stat.st_mtime_ns}-{_FORM}.parquet"
    return closed, [path for path in plain if path.with_name(path.name + ".gz") not in closed]


def there(folder: Path) -> dict[Path, Path]:
    """Closed segments whose columns are made, with the file of each."""
    found = wanted_segments(folder)[0].items()
    return {segment: made for segment, made in found if made.exists() and _late(made).exists()}


def naming(made: Collection[Path], first: str, end: str, *, late: bool) -> frozenset[Path]:
    """Those files of columns in which there is a request id from `first` on and before `end`.

    `late`: beside which there is one, of an outcome whose event is in another segment. Raises ConfigError if the extra
    is not installed, DuckDB's error if a file cannot be read.
    """
    files = {str(_late(path) if late else path): path for path in made}
    if not files:
        return frozenset()
    source = f"read_parquet({_names(map(Path, files))}, filename = true)"
    which = f"request_id >= {_text(first)} AND request_id < {_text(end)}"
    with _bare() as connection:
        names = connection.execute(f"SELECT DISTINCT filename FROM {source} WHERE {which}").fetchall()
    return frozenset([files[name] for (name,) in names])


def _complete(folder: Path, wanted: dict[Path, Path]) -> bool:
    """Whether all columns that are wanted are there, and no others."""
    return {*(folder / FOLDER).glob("*.parquet")} == {beside for made in wanted.values() for beside in _beside(made)}


def _beside(made: Path) -> tuple[Path, Path, Path, Path]:
    return made, _late(made), _subjects(made), _counts(made)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes from making or removing columns meanwhile; wait for one that does."""
    lock = Lock(folder / "columns.lock")
    if not lock.wait(_PATIENCE):
        raise AuditError("another process makes the columns of the log; try again later")
    try:
        yield
    finally:
        lock.release()


def _views(connection: DuckDBPyConnection, wanted: list[Path], opened: list[Path], *, once: bool) -> None:
    """The views. `once`: a line that another machine wrote again, for one that is gone, counts once."""
    connection.execute("SET parquet_metadata_cache = true")  # no file is written twice under one name
    _read(connection, opened)
    connection.execute(f"CREATE TEMP TABLE fresh AS {relations.DELIVERIES}")
    connection.execute(f"CREATE TEMP TABLE fresh_outcomes AS {relations.OUTCOMES}")
    parts = ["SELECT *, NULL::VARCHAR AS file FROM fresh"]
    outcomes = ["SELECT * FROM fresh_outcomes"]
    if wanted:
        parts.append(f"SELECT * RENAME (filename AS file) FROM read_parquet({_names(wanted)}, filename = true)")
        outcomes.append(f"SELECT * FROM read_parquet({_names(map(_late, wanted))})")
    people = [f"SELECT *, NULL::VARCHAR AS file FROM ({relations.PEOPLE.format(deliveries='fresh')})"]
    if wanted:
        people.append(
            f"SELECT subject, request_id, replace(filename, {_text(_SUBJECTS)}, '') AS file "
            f"FROM read_parquet({_names(map(_subjects, wanted))}, filename = true)"
        )
    connection.execute(f"CREATE VIEW people AS {' UNION ALL '.join(people)}")
    connection.execute(relations.LATE.format(outcomes=" UNION ALL ".join(outcomes)))
    written = " UNION ALL ".join(parts)
    if once:
        written = f"SELECT DISTINCT ON (request_id, destination) * FROM ({written})"
    connection.execute(f"CREATE VIEW written AS {written}")
    connection.execute(f"CREATE VIEW log AS {relations.JOINED.format(deliveries='written', outcomes='late')}")
    numbers = [counted.count("log")]
    if not once:  # a line that counts once cannot be told in what is counted already
        numbers = [counted.count("fresh"), counted.moved("written", "late")]
        numbers += [f"SELECT * FROM read_parquet({_names(map(_counts, wanted))})"] if wanted else []
    connection.execute(f"CREATE VIEW counts AS {' UNION ALL BY NAME '.join(numbers)}")
    connection.execute("DROP TABLE lines")


def _read(connection: DuckDBPyConnection, segments: list[Path]) -> None:
    """The lines of some segments as the table `lines`; a torn one is left out, as everywhere.

    A segment may have been compressed since it was listed: making columns takes longer than a segment may be open.
    """
    if segments:
        for attempt in range(_ATTEMPTS):
            source = (
                f"read_json({_names(map(_now, segments))}, format = 'newline_delimited', ignore_errors = true, "
                f"columns = {relations.LINE}, maximum_object_size = 16777216)"
            )
            made = f"CREATE OR REPLACE TEMP TABLE lines AS SELECT *, row_number() OVER () AS n FROM {source}"
            try:
                connection.execute(made)
                break
            except Exception as error:
                if attempt == _ATTEMPTS - 1 or not replaced(error):
                    raise
    else:
        columns = relations.LINE.strip("{}").replace(": '", " ").replace("'", "")
        connection.execute(f"CREATE OR REPLACE TEMP TABLE lines ({columns}, n BIGINT)")


def _write(connection: DuckDBPyConnection, made: Path) -> None:
    """`lines` as files: deliveries with the outcomes known by then, outcomes of events elsewhere, and who is where."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE part AS {relations.DELIVERIES}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE ended AS {relations.OUTCOMES}")
    late = (  # sorted, so that a look-up of an id reads a few blocks of it
        "SELECT * FROM ended o WHERE NOT EXISTS (SELECT 1 FROM part d "
        "WHERE d.request_id = o.request_id AND d.destination = o.destination) ORDER BY request_id"
    )
    joined = relations.JOINED.format(deliveries="part", outcomes="ended") + " ORDER BY decided_at"
    people = relations.PEOPLE.format(deliveries="part") + " ORDER BY subject"
    for select, path, group in ((late, _late(made), _GROUP), (people, _subjects(made), _FEW), (joined, made, _GROUP)):
        _put(connection, select, path, group)
    connection.execute("DROP TABLE part; DROP TABLE ended")


def _put(connection: DuckDBPyConnection, select: str, path: Path, group: int) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    how = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {group}"
    connection.execute(f"COPY ({select}) TO {_text(str(temporary))} ({how})")
    temporary.replace(path)


def _late(path: Path) -> Path:
    return path.with_name("late-" + path.name)


def _subjects(path: Path) -> Path:
    return path.with_name(_SUBJECTS + path.name)


def _now(path: Path) -> Path:
    """A segment's file, in the form that it has now."""
    packed = path.with_name(path.name + ".gz")
    return packed if path.suffix == ".jsonl" and not path.exists() and packed.exists() else path


def _counts(path: Path) -> Path:
    return path.with_name(_COUNTS + path.name)


def _names(paths: Iterable[Path]) -> str:
    return "[" + ", ".join(_text(str(path)) for path in paths) + "]"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
