"""The ends of the audit log's streams, of all machines: a log whose tail was cut off, or that is gone, is noticed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psycopg

from gatekeeper.audit.segments import Head
from gatekeeper.errors import StorageError
from gatekeeper.storage.postgres.connecting import close, connect, run, what


class PostgresHeads:
    """See `gatekeeper.audit.heads.Heads`. `read` gives the streams of this machine: others' logs are elsewhere."""

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
                            "INSERT INTO head AS h VALUES (%s, %s, %s, %s) ON CONFLICT (stream) DO UPDATE "
                            "SET n = excluded.n, hash = excluded.hash, log = excluded.log WHERE excluded.n > h.n",
                            (head.stream, head.n, bytes.fromhex(head.hash), self._log()),
                        )
            finally:
                close(link)
        except psycopg.Error as error:
            raise StorageError(f"the ends of streams cannot be kept ({what(error)})") from None

    def read(self) -> list[Head]:
        """The last known end of every stream of this machine. Raises StorageError."""
        return self._read("WHERE log = %s", (self._log(),))

    def read_all(self) -> dict[str, list[Head]]:
        """The last known ends of the streams of every log, by the log's name. Raises StorageError."""
        found: dict[str, list[Head]] = {}
        for log, head in self._rows("", ()):
            found.setdefault(log, []).append(head)
        return found

    def _read(self, where: str, values: Sequence[str]) -> list[Head]:
        return [head for _, head in self._rows(where, values)]

    def _rows(self, where: str, values: Sequence[str]) -> list[tuple[str, Head]]:
        try:
            link = connect(self._url)
            try:
                rows = run(link, f"SELECT log, stream, n, hash FROM head {where} ORDER BY stream", values)
            finally:
                close(link)
        except psycopg.Error as error:
            raise StorageError(f"the ends of streams cannot be read ({what(error)})") from None
        return [(log, Head(stream, n, bytes(hashed).hex())) for log, stream, n, hashed in rows]
