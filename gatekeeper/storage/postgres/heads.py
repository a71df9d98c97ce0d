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
        try:
            link = connect(self._url)
            try:
                rows = run(link, "SELECT stream, n, hash FROM head WHERE log = %s ORDER BY stream", (self._log(),))
            finally:
                close(link)
        except psycopg.Error as error:
            raise StorageError(f"the ends of streams cannot be read ({what(error)})") from None
        return [Head(stream, n, bytes(hashed).hex()) for stream, n, hashed in rows]
