"""Withdrawal from a store in memory: rows that end, and rows under way of which the deliverer must hear."""

from __future__ import annotations

import threading
from collections.abc import Collection, Hashable, Mapping, Sequence
from concurrent.futures import Future

from gatekeeper.errors import StorageError
from gatekeeper.storage.outbox import CANCELLED, WORDS, Ending, Refusal
from gatekeeper.testing.store.lines import Lines
from gatekeeper.testing.store.memory import Stop, number_of
from gatekeeper.testing.store.rows import Rows
from gatekeeper.testing.store.worker import Worker


class Stopping:
    """Ends rows wherever they are. Called under the memory's lock."""

    def __init__(self, worker: Worker, lines: Lines, rows: Rows, heard_within: float) -> None:
        self._memory = worker.memory
        self._lines = lines
        self._rows = rows
        self._heard_within = heard_within

    def stop(self, whys: Mapping[int, str | None]) -> Future[int]:
        """End rows and dead letters, by id with the reason; done when the deliverer has heard of those under way."""
        memory, done = self._memory, Future[int]()
        under_way, number, flying = set(), 0, memory.flying()
        for row_id, why in whys.items():
            if row_id in memory.dead:
                name, row, *_ = memory.dead.pop(row_id)
                self._lines.write([self._lines.outcome(name, [row.request_id], WORDS[CANCELLED], why, 0)])
            elif row_id in flying or row_id in memory.hidden:
                memory.stopped.setdefault(row_id, Stop(why, row_id in memory.hidden))
                under_way |= {row_id} & flying
            else:
                name, row = memory.rows[row_id]
                self._rows.end(name, Ending(CANCELLED, why, (row,)), 0)
                number += 1
        memory.unanswered.append((done, number, {number_of(row_id) for row_id in under_way}))
        memory.answer()
        if not done.done():
            memory.tell(withdrawn=True)
            timer = threading.Timer(self._heard_within, self._give_up, (done,))
            timer.daemon = True
            timer.start()
            done.add_done_callback(lambda _: timer.cancel())
        return done

    def _give_up(self, done: Future[int]) -> None:
        with self._memory.lock:
            for entry in list(self._memory.unanswered):
                if entry[0] is done:
                    self._memory.unanswered.remove(entry)
                    what = "the deliverer did not answer; what was under way may still be sent"
                    done.set_exception(StorageError(what))


class MemoryWithdrawals:
    """See `gatekeeper.storage.protocols.Withdrawals`."""

    def __init__(self, worker: Worker, stopping: Stopping) -> None:
        self._worker = worker
        self._memory = worker.memory
        self._stopping = stopping

    def cancel(self, subjects: Collection[str], destinations: Collection[str] | None = None) -> Future[int]:
        """End every row of the subjects; done when the deliverer has heard of those under way."""
        meant = set(subjects)
        with self._memory.lock:
            return self._stopping.stop(
                {
                    row_id: None
                    for row_id, name, row in self._memory.all()
                    if not meant.isdisjoint(row.subjects) and (destinations is None or name in destinations)
                }
            )

    def unheard(self) -> Mapping[str, frozenset[Hashable]]:
        """Rows that were cancelled while they were under way, as far as the deliverer has not heard of it."""
        memory = self._memory
        with memory.lock:
            rows: dict[str, set[Hashable]] = {}
            for row_id, stop in memory.stopped.items():
                if not stop.heard:
                    rows.setdefault(memory.rows[row_id][0], set()).add(row_id)
            return {name: frozenset(ids) for name, ids in rows.items()}

    def heard(self, rows: Collection[Hashable]) -> Future[None]:
        """The deliverer begins no further request with these rows."""

        def step() -> None:
            for row in rows:
                if row in self._memory.stopped:
                    self._memory.stopped[number_of(row)].heard = True
            self._memory.answer()

        return self._worker.do(step)


class MemoryRefusals:
    """See `gatekeeper.storage.protocols.Refusals`."""

    def __init__(self, worker: Worker, stopping: Stopping) -> None:
        self._memory = worker.memory
        self._stopping = stopping

    def sweep(self, refusals: Sequence[Refusal]) -> Future[int] | None:
        """End what the refusals are about; `None` where nothing of it is there."""
        with self._memory.lock:
            whys: dict[int, str | None] = {
                row_id: one.reasons[name]
                for one in refusals
                for row_id, name, row in self._memory.all()
                if name in one.reasons
                and not set(one.subjects).isdisjoint(row.subjects)
                and row.event_time <= one.until
                and row.request_id not in one.spared
            }
            return self._stopping.stop(whys) if whys else None
