"""Withdrawal: rows of a person end at once, and what is under way begins no further request."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from typing import Final

import apsw
import orjson

from gatekeeper.audit import lines
from gatekeeper.errors import StorageError
from gatekeeper.storage.commits import Commit
from gatekeeper.storage.database import run
from gatekeeper.storage.outbox import (
    CANCELLED,
    Ending,
    Row,
)
from gatekeeper.storage.owners import Lock, folder
from gatekeeper.storage.rows import SHIFT, flying_ids, forget_waiting, load, unreleased
from gatekeeper.storage.tables import Tables

HEARD_WITHIN: Final = 5.0  # seconds for the deliverer to hear of a withdrawal; it looks every 0.03


class Cancelling(Tables):
    """The part of the embedded outbox that withdrawal and erasure call."""

    def cancel(self, subjects: Collection[str], destinations: Collection[str] | None = None) -> Future[int]:
        """End every row that carries one of the pseudonyms; of one under way no further request begins.

        Done when the deliverer, in whichever process it is, has heard of it. Fails with StorageError if it did not
        in time; the rows are stopped all the same, before their next request.
        """
        return self._heard(self._cancel(subjects, destinations))

    def _heard(self, stopped: Future[tuple[int, list[int]]]) -> Future[int]:
        """A future with the number of rows that ended, done when the deliverer knows of those that are under way."""
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

        stopped.add_done_callback(ended)
        return done

    def _until_heard(self, done: Future[int], count: int, under_way: list[int]) -> None:
        """Wait until the deliverer knows, or until there is none: the next one ends the rows when it begins."""
        deadline = time.monotonic() + HEARD_WITHIN
        wanted = orjson.dumps(under_way).decode()
        lock = Lock(folder(self.path) / "deliverer")
        while time.monotonic() < deadline:
            with contextlib.suppress(StorageError, OSError):
                if not self._read(
                    lambda db: run(
                        db,
                        "SELECT 1 FROM stop WHERE heard = 0 AND id IN (SELECT value FROM json_each(?)) LIMIT 1",
                        (wanted,),
                    )
                ):
                    done.set_result(count)
                    return
                if lock.take():
                    lock.release()
                    done.set_result(count)
                    return
            time.sleep(0.005)
        done.set_exception(StorageError("the deliverer did not answer; what was under way may still be sent"))

    def unheard(self) -> dict[str, set[int]]:
        """Rows that were cancelled while they were under way, by destination, as far as `hear` was not told of them."""

        def look(db: apsw.Connection) -> dict[str, set[int]]:
            found: dict[str, set[int]] = {}
            for name, row_id in run(
                db,
                "SELECT name, stop.id FROM stop JOIN destination ON no = stop.id >> ? WHERE heard = 0",
                (SHIFT,),
            ):
                found.setdefault(name, set()).add(row_id)
            return found

        return self._read(look)

    def hear(self, ids: Collection[int]) -> Future[None]:
        """The deliverer begins no further request with these rows."""
        wanted = orjson.dumps(list(ids)).decode()

        def do(commit: Commit) -> None:
            run(commit.db, "UPDATE stop SET heard = 1 WHERE id IN (SELECT value FROM json_each(?))", (wanted,))

        return self._commits.submit(do)

    def _cancel(self, subjects: Collection[str], destinations: Collection[str] | None) -> Future[tuple[int, list[int]]]:
        """How many rows ended, and which are under way."""

        def do(commit: Commit) -> tuple[int, list[int]]:
            self._register(commit.db, self._names)
            found: dict[int, str | None] = {}
            for subject in subjects:
                for table in ("outbox", "dead"):
                    for row_id, named in run(
                        commit.db,
                        f"SELECT id, frame ->> 2 FROM {table} WHERE instr(frame, ?)",  # noqa: S608  # ours
                        (subject,),
                    ):
                        if subject in named.split() and (
                            destinations is None or self._by_number.get(row_id >> SHIFT) in destinations
                        ):
                            found[row_id] = None
            return self._stop(commit, found)

        return self._commits.submit(do)

    def _stop(self, commit: Commit, found: Mapping[int, str | None]) -> tuple[int, list[int]]:
        """End rows and dead letters, by id with the reason; how many rows ended, and which are under way."""
        under_way = []
        flying = flying_ids(commit.db)
        hidden = unreleased(commit.db)
        ended: dict[tuple[int, str | None], list[Row]] = {}
        wanted = orjson.dumps(list(found)).decode()
        for row in load(commit.db, "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", (wanted,)):
            if row.id in flying or any(first <= row.id <= last for first, last in hidden):
                run(commit.db, "INSERT OR IGNORE INTO stop(id, why) VALUES (?, ?)", (row.id, found[row.id]))
                if row.id in flying:
                    under_way.append(row.id)
            else:
                ended.setdefault((row.id >> SHIFT, found[row.id]), []).append(row)
        for (no, why), rows in ended.items():
            forget_waiting(commit.db, [row.id for row in rows])
            self._end(commit, no, Ending(CANCELLED, why, tuple(rows)), 0)
        self._forget_dead(commit, found, wanted)
        return sum(map(len, ended.values())), under_way

    def _forget_dead(self, commit: Commit, found: Mapping[int, str | None], wanted: str) -> None:
        """Dead letters are no rows in the books any more: they go, and a line of each says so."""
        for row_id, request_id in run(
            commit.db, "SELECT id, frame ->> 0 FROM dead WHERE id IN (SELECT value FROM json_each(?))", (wanted,)
        ):
            line = lines.outcome_line(
                at=self._clock(), destination=self._by_number[row_id >> SHIFT], request_ids=[request_id],
                status="cancelled", why=found[row_id], attempts=0,
            )  # fmt: skip
            commit.outcomes.append(line)
        run(commit.db, "DELETE FROM dead WHERE id IN (SELECT value FROM json_each(?))", (wanted,))
