"""Withdrawal: rows of a person end at once, and what is under way begins no further request."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Collection, Hashable, Mapping
from concurrent.futures import Future
from typing import Final

import apsw
import orjson

from gatekeeper.errors import StorageError
from gatekeeper.storage.commits import Commit, Committer
from gatekeeper.storage.database import run
from gatekeeper.storage.outbox import CANCELLED, ID, Ending, Row
from gatekeeper.storage.owners import Lock, folder
from gatekeeper.storage.rows import SHIFT, flying_ids, forget_waiting, load
from gatekeeper.storage.tables import Tables

HEARD_WITHIN: Final = 5.0  # seconds for the deliverer to hear of a withdrawal; it looks every 0.03
_LOOK: Final = 0.005  # seconds between two looks whether it has heard


class SqliteWithdrawals:
    """See `protocols.Withdrawals`."""

    def __init__(self, tables: Tables, commits: Committer) -> None:
        self._tables = tables
        self._commits = commits

    def cancel(self, subjects: Collection[str], destinations: Collection[str] | None = None) -> Future[int]:
        """End every row that carries one of the pseudonyms; of one under way no further request begins.

        Done when the deliverer, in whichever process it is, has heard of it. Fails with StorageError if it did not
        in time; the rows are stopped all the same, before their next request.
        """
        done: Future[int] = Future()
        done.set_running_or_notify_cancel()

        def ended(future: Future[tuple[int, list[int]]]) -> None:
            error = future.exception()
            if error is not None:
                done.set_exception(error)
                return
            count, under_way = future.result()
            if not under_way:
                done.set_result(count)
                return
            threading.Thread(
                target=self._until_heard, args=(done, count, under_way), name="gatekeeper-cancel", daemon=True
            ).start()

        cancelled = self._commits.submit(lambda commit: self._cancel(commit, subjects, destinations), last=True)
        cancelled.add_done_callback(ended)
        return done

    def unheard(self) -> Mapping[str, frozenset[Hashable]]:
        """Rows that were cancelled while they were under way, by destination, as far as the deliverer has not heard."""

        def look(db: apsw.Connection) -> dict[str, frozenset[Hashable]]:
            rows: dict[str, set[Hashable]] = {}
            for name, row_id in run(
                db,
                "SELECT name, stop.id FROM stop JOIN destination ON no = stop.id >> ? WHERE heard = 0",
                (SHIFT,),
            ):
                rows.setdefault(name, set()).add(row_id)
            return {name: frozenset(ids) for name, ids in rows.items()}

        return self._tables.read(look)

    def heard(self, rows: Collection[Hashable]) -> Future[None]:
        """The deliverer begins no further request with these rows."""
        wanted = orjson.dumps(list(rows)).decode()

        def do(commit: Commit) -> None:
            run(commit.db, "UPDATE stop SET heard = 1 WHERE id IN (SELECT value FROM json_each(?))", (wanted,))

        return self._commits.submit(do)

    def _until_heard(self, done: Future[int], count: int, under_way: list[int]) -> None:
        """Wait until the deliverer knows, or until there is none: the next one ends the rows when it begins."""
        deadline = time.monotonic() + HEARD_WITHIN
        wanted = orjson.dumps(under_way).decode()
        lock = Lock(folder(self._tables.path) / "deliverer")
        while time.monotonic() < deadline:
            with contextlib.suppress(StorageError, OSError):
                if self._all_heard(wanted):
                    done.set_result(count)
                    return
                if lock.take():
                    lock.release()
                    done.set_result(count)
                    return
            time.sleep(_LOOK)
        done.set_exception(StorageError("the deliverer did not answer; what was under way may still be sent"))

    def _all_heard(self, wanted: str) -> bool:
        sql = "SELECT 1 FROM stop WHERE heard = 0 AND id IN (SELECT value FROM json_each(?)) LIMIT 1"
        return not self._tables.read(lambda db: run(db, sql, (wanted,)))

    def _cancel(
        self, commit: Commit, subjects: Collection[str], destinations: Collection[str] | None
    ) -> tuple[int, list[int]]:
        """How many rows ended, and which are under way."""
        tables = self._tables
        tables.register(commit)
        under_way: list[int] = []
        flying, hidden = flying_ids(commit.db), tables.hidden(commit)
        ended: dict[int, dict[int, Row]] = {}
        for subject in subjects:
            for row in load(commit.db, "WHERE instr(payload, ?)", (subject,)):
                row_id, no = ID(row), ID(row) >> SHIFT
                if subject not in row.subjects or _spared(tables, no, destinations):
                    continue
                if row_id in flying or any(first <= row_id <= last for first, last in hidden):
                    run(commit.db, "INSERT OR IGNORE INTO stop(id) VALUES (?)", (row_id,))
                    if row_id in flying:
                        under_way.append(row_id)
                else:
                    ended.setdefault(no, {})[row_id] = row
            self._forget_dead(commit, subject, destinations)
        for no, rows in ended.items():
            forget_waiting(commit.db, list(rows))
            tables.end(commit, no, Ending(CANCELLED, None, tuple(rows.values())), 0)
        return sum(map(len, ended.values())), under_way

    def _forget_dead(self, commit: Commit, subject: str, destinations: Collection[str] | None) -> None:
        """Dead letters of a subject; one that only looks alike, or is quoted in a payload, is another's."""
        ids = [
            row_id
            for row_id, named in run(
                commit.db, "SELECT id, payload ->> 2 FROM dead WHERE instr(payload, ?)", (subject,)
            )
            if subject in named.split() and not _spared(self._tables, row_id >> SHIFT, destinations)
        ]
        if ids:
            run(
                commit.db,
                "DELETE FROM dead WHERE id IN (SELECT value FROM json_each(?))",
                (orjson.dumps(ids).decode(),),
            )


def _spared(tables: Tables, no: int, destinations: Collection[str] | None) -> bool:
    """Whether a withdrawal is not about a destination."""
    return destinations is not None and tables.by_number.get(no) not in destinations
