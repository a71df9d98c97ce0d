"""How rows end that a withdrawal or a refusal is about: at once, or, of those under way, before their next request."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Final

import orjson

from gatekeeper.errors import StorageError
from gatekeeper.installation.locks import Lock
from gatekeeper.storage.commits import Commit
from gatekeeper.storage.database import run
from gatekeeper.storage.outbox import CANCELLED, ID, WORDS, Ending, Row
from gatekeeper.storage.owners import folder
from gatekeeper.storage.rows import SHIFT, flying_ids, forget_waiting, load
from gatekeeper.storage.tables import Tables

HEARD_WITHIN: Final = 5.0  # seconds for the deliverer to hear of a withdrawal; it looks every 0.03
_LOOK: Final = 0.005  # seconds between two looks whether it has heard

Stopped = tuple[int, list[int]]  # how many rows ended, and which are under way


class Stopping:
    """What `withdrawals` and `sweeping` share."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def stop(self, commit: Commit, found: Mapping[int, str | None]) -> Stopped:
        """End rows and dead letters, by id with the reason; of a row under way, write down that it is stopped."""
        tables = self._tables
        under_way = []
        flying, hidden = flying_ids(commit.db), tables.hidden(commit)
        ended: dict[tuple[int, str | None], list[Row]] = {}
        wanted = orjson.dumps(list(found)).decode()
        for row in load(commit.db, "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", (wanted,)):
            row_id = ID(row)
            if row_id in flying or any(first <= row_id <= last for first, last in hidden):
                run(commit.db, "INSERT OR IGNORE INTO stop(id, why) VALUES (?, ?)", (row_id, found[row_id]))
                if row_id in flying:
                    under_way.append(row_id)
            else:
                ended.setdefault((row_id >> SHIFT, found[row_id]), []).append(row)
        for (no, why), rows in ended.items():
            forget_waiting(commit.db, [ID(row) for row in rows])
            tables.end(commit, no, Ending(CANCELLED, why, tuple(rows)), 0)
        self._forget_dead(commit, found, wanted)
        return sum(map(len, ended.values())), under_way

    def once_heard(self, stopped: Future[Stopped]) -> Future[int]:
        """A future with the number of rows that ended, done when the deliverer knows of those that are under way.

        The deliverer may be in any process. Fails with StorageError if it does not hear of them in time; they are
        stopped all the same, before their next request.
        """
        done: Future[int] = Future()
        done.set_running_or_notify_cancel()

        def ended(future: Future[Stopped]) -> None:
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

        stopped.add_done_callback(ended)
        return done

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

    def _forget_dead(self, commit: Commit, found: Mapping[int, str | None], wanted: str) -> None:
        """Dead letters are no rows in the books any more: they go, and a line of each says so."""
        for row in load(commit.db, "WHERE id IN (SELECT value FROM json_each(?))", (wanted,), table="dead"):
            line = self._tables.line(ID(row) >> SHIFT, [row], WORDS[CANCELLED], found[ID(row)], 0)
            commit.outcomes.append(line)
        run(commit.db, "DELETE FROM dead WHERE id IN (SELECT value FROM json_each(?))", (wanted,))
