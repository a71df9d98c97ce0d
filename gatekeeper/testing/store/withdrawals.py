"""Withdrawal from a store in memory: rows that end, rows under way that begin no further request, who is waited for."""

from __future__ import annotations

import threading
from collections.abc import Collection, Hashable, Mapping, Sequence
from concurrent.futures import Future
from typing import Final

from gatekeeper.errors import StorageError
from gatekeeper.model import Epoch, Heard
from gatekeeper.model.reasons import WITHDRAWN
from gatekeeper.storage.outbox import CANCELLED, WORDS, Ending, Refusal, Withdrawn
from gatekeeper.storage.protocols import Slot
from gatekeeper.testing.store.lines import Lines
from gatekeeper.testing.store.memory import Memory, Passing, Stop
from gatekeeper.testing.store.rows import Rows
from gatekeeper.testing.store.worker import Worker

KEPT: Final = 3_600.0  # seconds that a withdrawal is known


class Stopping:
    """Ends rows wherever they are. Called under the memory's lock."""

    def __init__(self, worker: Worker, lines: Lines, rows: Rows, heard_within: float) -> None:
        self._worker = worker
        self._memory = worker.memory
        self._lines = lines
        self._rows = rows
        self._heard_within = heard_within

    def end(self, refusals: Sequence[Refusal], generation: int | None = None) -> Future[Withdrawn]:
        """End what refusals are about; done when no request can begin that does not know of it."""
        memory, ended, flying = self._memory, 0, self._memory.flying()
        for row_id, why in self.refused(refusals).items():
            if row_id in memory.dead:
                name, row, *_ = memory.dead.pop(row_id)
                self._lines.write([self._lines.outcome(name, [row.request_id], WORDS[CANCELLED], why, 0)])
            elif row_id in flying or row_id in memory.hidden:
                memory.stopped.setdefault(row_id, Stop(why))
                if row_id in flying and generation is None:
                    generation = memory.next()
            else:
                name, row = memory.rows[row_id]
                self._rows.end(name, Ending(CANCELLED, why, (row,)), 0)
                ended += 1
        return self._once_over(ended, generation)

    def refused(self, refusals: Sequence[Refusal]) -> dict[int, str]:
        """The rows and dead letters that refusals are about, with the reason."""
        return {
            row_id: one.reasons[name]
            for one in refusals
            for row_id, name, row in self._memory.all()
            if name in one.reasons
            and not set(one.subjects).isdisjoint(row.subjects)
            and row.event_time <= one.until
            and row.request_id not in one.spared
        }

    def withdraw(self, names: Collection[str], reasons: Mapping[str, str]) -> int:
        """Write down what names took back; the generation of it."""
        memory, now = self._memory, self._worker.clock()
        memory.withdrawn += [(memory.next(), frozenset(names), dict(reasons), now)]
        old = [one for one in memory.withdrawn if one[3] < now - KEPT]
        memory.withdrawn = memory.withdrawn[len(old) :]
        memory.oldest = max([memory.oldest, *(generation for generation, *_ in old)])
        return memory.generation

    def _once_over(self, ended: int, generation: int | None) -> Future[Withdrawn]:
        done: Future[Withdrawn] = Future()
        done.set_running_or_notify_cancel()
        if generation is None:
            done.set_result(Withdrawn(ended, Heard.NOTHING))
            return done
        passing = Passing(generation, ended, done)
        self._memory.passing.append(passing)
        self._memory.answer()
        if not done.done():
            timer = threading.Timer(self._heard_within, self._give_up, (passing,))
            timer.daemon = True
            timer.start()
            done.add_done_callback(lambda _: timer.cancel())
        return done

    def _give_up(self, passing: Passing) -> None:
        with self._memory.lock:
            if passing in self._memory.passing:
                self._memory.passing.remove(passing)
                passing.done.set_result(Withdrawn(passing.ended, Heard.NOT_YET))


def withdrawn_since(memory: Memory, subjects: Collection[str], since: int) -> Mapping[str, str]:
    """What subjects took back after a generation; everything where that is not known any more."""
    if since < memory.oldest:
        return dict.fromkeys(memory.books, WITHDRAWN)
    found: dict[str, str] = {}
    for generation, names, reasons, _ in memory.withdrawn:
        if generation > since and not names.isdisjoint(subjects):
            found |= reasons
    return found


class MemoryBarrier:
    """See `gatekeeper.storage.protocols.Barrier`."""

    def __init__(self, worker: Worker, stopping: Stopping) -> None:
        self._worker = worker
        self._memory = worker.memory
        self._stopping = stopping

    def now(self) -> Epoch | None:
        """What the memory says."""
        return Epoch(self._memory.generation, float("inf"))

    def enter(self) -> Slot | None:
        """Take a slot at the present generation; `None` while withdrawals cannot be known."""
        with self._memory.lock:
            slot = Slot(self._memory.id(), self._memory.generation)
            self._memory.slots[slot.number] = self._worker.number, slot.generation
            return slot

    def leave(self, slot: Slot) -> None:
        """Give the slot back; withdrawals that wait look again."""
        with self._memory.lock:
            self._memory.slots.pop(slot.number, None)
            self._memory.answer()

    def withdrawn(self, subjects: Collection[str], destination: str, since: int) -> bool:
        """What is written down."""
        with self._memory.lock:
            return destination in withdrawn_since(self._memory, subjects, since)

    def stopped(self, destination: str) -> frozenset[Hashable]:
        """Rows that were stopped."""
        memory = self._memory
        with memory.lock:
            return frozenset([row_id for row_id in memory.stopped if memory.rows[row_id][0] == destination])

    def withdraw(self, subjects: Collection[str], reasons: Mapping[str, str]) -> Future[Withdrawn]:
        """All of it at once."""
        with self._memory.lock:
            generation = self._stopping.withdraw(subjects, reasons)
            return self._stopping.end([Refusal(tuple(subjects), reasons)], generation)


class MemoryRefusals:
    """See `gatekeeper.storage.protocols.Refusals`."""

    def __init__(self, worker: Worker, stopping: Stopping) -> None:
        self._memory = worker.memory
        self._stopping = stopping

    def sweep(self, refusals: Sequence[Refusal]) -> Future[int] | None:
        """End what the refusals are about; `None` where nothing of it is there."""
        with self._memory.lock:
            if not self._stopping.refused(refusals):
                return None
            ended = self._stopping.end(refusals)
        done: Future[int] = Future()
        done.set_running_or_notify_cancel()

        def over(last: Future[Withdrawn]) -> None:
            if last.result().heard is Heard.NOT_YET:
                done.set_exception(StorageError("a process is about to send; requests in progress may still be sent"))
            else:
                done.set_result(last.result().cancelled)

        ended.add_done_callback(over)
        return done
