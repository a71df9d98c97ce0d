"""The log over several machines, in the engine: lines that the archive lacks, ends of streams, wishes to forget.

A connection of its own for each use: it is used once in seconds, by a thread that no event waits for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

import psycopg

from gatekeeper.audit.lines import Line
from gatekeeper.audit.packed import pack, unpack
from gatekeeper.audit.segments import Head
from gatekeeper.audit.shared.trail import DESTROYED, Kept, Peer, Wish
from gatekeeper.errors import StorageError
from gatekeeper.storage.postgres.connecting import LONG, Connection, close, connect, run, what

SILENT: Final = 10.0  # seconds that a machine without a lease is waited for, if it has not left
_PEERS: Final = """SELECT m.log, m.host, m.keys, m.gone,
    EXISTS (SELECT 1 FROM process p WHERE p.log = m.log AND p.lease > clock_timestamp()),
    extract(epoch FROM m.last)::float8 FROM machine m ORDER BY m.began"""
# Those of this machine, too, which no log has: it may have taken them over from one that is gone.
_KEPT: Final = """SELECT id, log, stream, n, lines FROM trail WHERE log <> %s
    UNION ALL SELECT l.id, coalesce(p.log, ''), '', 0, l.lines FROM lines l LEFT JOIN process p ON p.no = l.owner
    ORDER BY stream, n, id"""
# A machine whose log is lost has nothing to forget; one that came after the wish has nothing of the person. One whose
# lease is over is not gone at once: under load it renews a little late.
_WAITS: Final = """SELECT m.log, m.host, m.keys, m.gone,
    EXISTS (SELECT 1 FROM process p WHERE p.log = m.log AND p.lease > clock_timestamp() - make_interval(secs => %s)),
    extract(epoch FROM m.last)::float8 FROM machine m WHERE m.gone IS DISTINCT FROM %s
    AND NOT EXISTS (SELECT 1 FROM forgotten f WHERE f.wish = %s AND f.log = m.log) ORDER BY m.began"""


class PostgresTrail:
    """See `gatekeeper.audit.shared.trail.Trail`."""

    def __init__(self, url: str, log: str) -> None:
        self._url = url
        self._log = log

    @property
    def log(self) -> str:
        """The name of this machine's log."""
        return self._log

    def peers(self) -> list[Peer]:
        """Every machine that was ever there."""
        with self._linked() as link:
            return [_peer(*found) for found in run(link, _PEERS)]

    def heads(self) -> Mapping[str, Sequence[Head]]:
        """The last known ends of every log's streams."""
        with self._linked() as link:
            found: dict[str, list[Head]] = {}
            for log, stream, n, hashed in run(link, "SELECT log, stream, n, hash FROM head ORDER BY stream"):
                found.setdefault(log, []).append(Head(stream, n, bytes(hashed).hex()))
            return found

    def introduce(self, keys: Sequence[str]) -> None:
        """Keep the audit keys of this machine's log, if it has none."""
        with self._linked() as link:
            run(link, "UPDATE machine SET keys = %s WHERE log = %s AND keys = ''", (" ".join(keys), self._log))

    def kept(self, others: bool = True) -> list[Kept]:
        """Lines that the archive lacks, in their order, and those that no log has yet."""
        with self._linked() as link:
            found = run(link, _KEPT, (self._log if others else "",))
            return [Kept(one, log, stream, n, tuple(unpack(blob))) for one, log, stream, n, blob in found]

    def lacking(self) -> Mapping[str, int]:
        """The first line that the archive lacks of each stream of this machine."""
        with self._linked() as link:
            return dict(run(link, "SELECT stream, min(n) FROM trail WHERE log = %s GROUP BY stream", (self._log,)))

    def archived(self, ends: Mapping[str, int]) -> None:
        """Drop the lines that are in the archive now."""
        sql = (
            "DELETE FROM trail t USING unnest(%s::text[], %s::bigint[]) AS e(stream, n) "
            "WHERE t.log = %s AND t.stream = e.stream AND t.n <= e.n"
        )
        with self._linked() as link:
            run(link, sql, ([*ends], [*ends.values()], self._log))

    def cut(self, cut: Callable[[Line], Line]) -> int:
        """Put other lines in the place of kept ones."""
        changed = 0
        with self._linked() as link, link.transaction():
            for one, blob in run(link, "SELECT id, lines FROM trail FOR UPDATE"):
                lines = unpack(blob)
                left = [cut(line) for line in lines]
                if left != lines:
                    changed += sum(before != after for before, after in zip(lines, left, strict=True))
                    run(link, "UPDATE trail SET lines = %s WHERE id = %s", (pack(left), one))
        return changed

    def wish(self, names: Collection[str], erasure: str, at: float) -> int:
        """Ask every machine; the same request asked again is the same wish."""
        with self._linked() as link:
            sql = "SELECT id FROM forget WHERE erasure = %s AND names = %s::text[]"
            found = run(link, sql, (erasure, sorted(names)))
            if not found:
                sql = "INSERT INTO forget(names, erasure, at) VALUES (%s::text[], %s, %s) RETURNING id"
                found = run(link, sql, (sorted(names), erasure, at))
            return int(found[0][0])

    def wishes(self) -> list[Wish]:
        """What this machine has not done yet."""
        with self._linked() as link:
            sql = (
                "SELECT id, names, erasure, at FROM forget w WHERE NOT EXISTS "
                "(SELECT 1 FROM forgotten f WHERE f.wish = w.id AND f.log = %s) ORDER BY id"
            )
            found = run(link, sql, (self._log,))
            return [Wish(one, frozenset(names), erasure, at) for one, names, erasure, at in found]

    def done(self, wish: int, lines: int) -> None:
        """This machine has done it."""
        with self._linked() as link:
            sql = "INSERT INTO forgotten(wish, log, lines) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
            run(link, sql, (wish, self._log, lines))

    def waits_for(self, wish: int) -> tuple[list[Peer], int]:
        """The machines that have not done it, and in how many lines others did."""
        with self._linked() as link:
            peers = [_peer(*found) for found in run(link, _WAITS, (SILENT, DESTROYED, wish))]
            sql = "SELECT coalesce(sum(lines), 0)::bigint FROM forgotten WHERE wish = %s AND log <> %s"
            ((lines,),) = run(link, sql, (wish, self._log))
            return peers, int(lines)

    def tidy(self) -> None:
        """Drop wishes that every machine has done whose log is expected."""
        with self._linked() as link:
            sql = (
                "DELETE FROM forget w WHERE NOT EXISTS (SELECT 1 FROM machine m WHERE m.gone IS DISTINCT FROM %s "
                "AND NOT EXISTS (SELECT 1 FROM forgotten f WHERE f.wish = w.id AND f.log = m.log))"
            )
            run(link, sql, (DESTROYED,))
            run(link, "DELETE FROM forgotten f WHERE NOT EXISTS (SELECT 1 FROM forget w WHERE w.id = f.wish)")

    @contextlib.contextmanager
    def _linked(self) -> Iterator[Connection]:
        try:
            link = connect(self._url, patience=LONG)
            try:
                yield link
            finally:
                close(link)
        except psycopg.Error as error:
            raise StorageError(f"the log's part in the database cannot be used ({what(error)})") from None


def _peer(log: str, host: str, keys: str, gone: str | None, lives: bool, seen: float) -> Peer:
    return Peer(log, host, lives, gone, seen, tuple(keys.split()))
