"""The machines that use one database, as an operator sees them: which are there, and whose log is where."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

import psycopg

from gatekeeper.audit.shared.trail import DESTROYED
from gatekeeper.errors import StorageError
from gatekeeper.storage.postgres.connecting import Connection, close, connect, run, what

REMOVED: Final = "removed"


class Machine(NamedTuple):
    """One log and its machine. `processes` are those that have a lease; `gone` is how an operator took it out."""

    log: str
    host: str
    version: str
    processes: int
    behind: int  # of those, the ones that do not know of all withdrawals yet
    kept: int  # commits whose lines its log does not have yet
    streams: int  # of its log, as far as their ends are kept
    kept_back: int  # commits whose lines the log's archive does not have yet
    last_line: str | None  # of the stream that it began last, as far as it is known
    last: float  # when it was seen, Unix seconds
    gone: str | None


_LIST: Final = """SELECT m.log, m.host, m.version,
    count(p.no) FILTER (WHERE p.lease > clock_timestamp()),
    count(p.no) FILTER (WHERE p.lease > clock_timestamp() AND p.applied < (SELECT n FROM generation)),
    (SELECT count(*) FROM lines l JOIN process o ON o.no = l.owner WHERE o.log = m.log),
    (SELECT count(*) FROM head h WHERE h.log = m.log), (SELECT count(*) FROM trail t WHERE t.log = m.log),
    (SELECT h.stream || ' ' || h.n FROM head h WHERE h.log = m.log ORDER BY h.stream DESC LIMIT 1),
    greatest(m.last, max(CASE WHEN p.lease > '-infinity' THEN p.lease - interval '2 s' END)), m.gone
FROM machine m LEFT JOIN process p ON p.log = m.log GROUP BY m.log ORDER BY m.began"""


def machines(url: str) -> list[Machine]:
    """All that were ever there and are not forgotten. Raises StorageError."""
    try:
        link = connect(url)
        try:
            return [_machine(*found) for found in run(link, _LIST)]
        finally:
            close(link)
    except psycopg.Error as error:
        raise StorageError(f"the machines cannot be listed ({what(error)})") from None


def remove(url: str, log: str, *, destroyed: bool) -> bool:
    """Take a machine out that is gone; `False` if there is none of that name. Raises StorageError while it lives.

    What it had under way or could not write is taken over by the others in any case. With `destroyed` its log is not
    expected anywhere any more, and those of its lines that the archive lacks are written into another machine's log.
    """
    try:
        link = connect(url)
        try:
            with link.transaction():
                return _remove(link, log, DESTROYED if destroyed else REMOVED)
        finally:
            close(link)
    except psycopg.Error as error:
        raise StorageError(f"the machine cannot be removed ({what(error)})") from None


def _remove(link: Connection, log: str, how: str) -> bool:
    if not run(link, "SELECT 1 FROM machine WHERE log = %s FOR UPDATE", (log,)):
        return False
    if run(link, "SELECT 1 FROM process WHERE log = %s AND lease > clock_timestamp()", (log,)):
        raise StorageError("the machine is there: it has a lease; stop its gate first")
    run(link, "UPDATE machine SET gone = %s WHERE log = %s", (how, log))
    if how == DESTROYED:
        run(link, "DELETE FROM head WHERE log = %s", (log,))
        # Lines that stood on its disk and are not in the archive: another machine writes them into its own log.
        run(
            link,
            "WITH gone AS (DELETE FROM trail WHERE log = %s RETURNING id, at, lines) "
            "INSERT INTO lines(id, owner, at, packets, lines) SELECT id, 0, at, '{}', lines FROM gone",
            (log,),
        )
    return True


def _machine(
    log: str, host: str, version: str, processes: int, behind: int, kept: int, streams: int, kept_back: int,
    last_line: str | None, last: datetime, gone: str | None,
) -> Machine:  # fmt: skip
    return Machine(log, host, version, processes, behind, kept, streams, kept_back, last_line, last.timestamp(), gone)
