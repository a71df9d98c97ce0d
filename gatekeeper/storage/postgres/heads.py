"""The ends of the audit log's streams, of all machines: a log whose tail was cut off, or that is gone, is noticed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import psycopg

from gatekeeper.audit.segments import Head
from gatekeeper.errors import StorageError
from gatekeeper.storage.postgres.connecting import close, connect, run, what

EVERY: Final = 10.0  # seconds after which ends are kept again
# Of a log the streams that went on in the last hour, and the newest one.
_OTHERS: Final = """SELECT h.log, h.stream, h.n, h.hash FROM head h JOIN machine m ON m.log = h.log
    WHERE h.log <> %s AND m.gone IS NULL AND (h.at > clock_timestamp() - interval '1 h'
        OR h.stream = (SELECT max(o.stream) FROM head o WHERE o.log = h.log)) ORDER BY h.log, h.stream LIMIT 1000"""


class PostgresHeads:
    """See `gatekeeper.audit.heads.Heads`. `read` gives the streams of this machine: others' logs are elsewhere."""

    every: float | None = EVERY

    def __init__(self, url: str, log: Callable[[], str]) -> None:
        self._url = url
        self._log = log

    def keep(self, heads: Sequence[Head]) -> None:
        """Keep how far streams are, unless more is known already. Raises StorageError."""
        try:
            link = connect(self._url)
            try:
                with link.transaction():
                    for head in heads:
                        run(
                            link,
                            "INSERT INTO head AS h(stream, n, hash, log) VALUES (%s, %s, %s, %s) ON CONFLICT (stream) "
                            "DO UPDATE SET n = excluded.n, hash = excluded.hash, log = excluded.log, "
                            "at = clock_timestamp() WHERE excluded.n > h.n",
                            (head.stream, head.n, bytes.fromhex(head.hash), self._log()),
                        )
            finally:
                close(link)
        except psycopg.Error as error:
            raise StorageError(f"the ends of streams cannot be kept ({what(error)})") from None

    def read(self) -> list[Head]:
        """The last known end of every stream of this machine. Raises StorageError."""
        rows = self._read("SELECT stream, n, hash FROM head WHERE log = %s ORDER BY stream")
        return [Head(stream, n, bytes(hashed).hex()) for stream, n, hashed in rows]

    def others(self) -> list[tuple[str, Head]]:
        """The ends of the other machines' logs that a checkpoint names. Raises StorageError."""
        return [(log, Head(stream, n, bytes(hashed).hex())) for log, stream, n, hashed in self._read(_OTHERS)]

    def _read(self, sql: str) -> list[Any]:
        try:
            link = connect(self._url)
            try:
                return run(link, sql, (self._log(),))
            finally:
                close(link)
        except psycopg.Error as error:
            raise StorageError(f"the ends of streams cannot be read ({what(error)})") from None
