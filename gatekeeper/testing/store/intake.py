"""Acceptance into a store in memory: rows that wait for their lines, and the keys that make a repetition known."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

from gatekeeper.errors import AuditError
from gatekeeper.model.reasons import DUPLICATE
from gatekeeper.storage.outbox import Accepted, Arrival, Row
from gatekeeper.testing.store.lines import Lines
from gatekeeper.testing.store.memory import Commit, First, Stop
from gatekeeper.testing.store.rows import Rows
from gatekeeper.testing.store.withdrawals import withdrawn_since
from gatekeeper.testing.store.worker import Worker

SEEN_FOR: Final = 7 * 86_400


class MemoryIntake:
    """See `gatekeeper.storage.protocols.Intake`."""

    def __init__(self, worker: Worker, lines: Lines, rows: Rows) -> None:
        self._worker = worker
        self._memory = worker.memory
        self._lines = lines
        self._rows = rows

    def room(self, destination: str, count: int, *, ours: bool = True) -> bool:
        """Whether `count` more rows can be kept for a destination."""
        with self._memory.lock:
            queued = sum(name == destination for name, _ in self._memory.rows.values())
            return queued + count <= self._worker.bounds.most(ours=ours)

    def accept(self, arrivals: Sequence[Arrival]) -> Future[Accepted]:
        """Keep arrivals and have their lines written."""
        done: Future[Accepted] = Future()
        self._accept(tuple(arrivals), done)
        return done

    def _accept(self, arrivals: tuple[Arrival, ...], done: Future[Accepted]) -> None:
        memory = self._memory
        with memory.lock:
            firsts = {memory.seen[one.key].request_id for one in arrivals if one.key in memory.seen and one.jobs}
            for earlier in memory.commits:
                if not earlier.over.done() and earlier.request_ids & firsts:  # it may still be refused
                    earlier.over.add_done_callback(lambda over: self._accept(arrivals, done))
                    return
            commit = Commit(self._worker.number, self._worker.clock())
            answer = [self._arrive(one, commit) for one in arrivals]

            def refused() -> None:
                if not commit.decisions:
                    done.set_result(Accepted(answer))
                    return
                self._take_back(commit)
                done.set_exception(AuditError("the audit log cannot be written"))

            self._lines.record(commit, lambda: done.set_result(Accepted(answer, self._rows.release(commit))), refused)

    def _arrive(self, one: Arrival, commit: Commit) -> str:
        """Keep one arrival; the request id to answer with."""
        memory, jobs, now = self._memory, one.jobs, self._worker.clock()
        if one.key is not None and jobs:
            first = memory.seen.get(one.key)
            if first is None or first.at <= now - SEEN_FOR:
                commit.keys.append((one.key, None))
                first = memory.seen[one.key] = First(one.request_id, now, set())
            else:
                jobs = tuple(job for job in jobs if job.destination not in first.destinations)
                if not jobs:
                    return first.request_id
                for job in one.jobs:
                    if job not in jobs:
                        line = self._lines.outcome(job.destination, [one.request_id], "blocked", DUPLICATE, 0)
                        commit.outcomes.append(line)
                commit.keys.append((one.key, frozenset(first.destinations)))
            first.destinations.update(job.destination for job in jobs)
        if one.line is not None:
            commit.decisions.append(one.line)
        commit.request_ids.add(one.request_id)
        for job in jobs:
            row = Row(memory.id(), one.request_id, job.event_time, one.subjects, job.head.decode(), job.body.decode())
            memory.rows[memory.last] = (job.destination, row)
            memory.hidden.add(memory.last)
            commit.rows.append(memory.last)
            if one.decided is not None and one.decided < memory.generation:
                why = withdrawn_since(memory, one.subjects, one.decided).get(job.destination)
                if why is not None:
                    memory.stopped[memory.last] = Stop(why)
        return one.request_id

    def _take_back(self, commit: Commit) -> None:
        """Leave of a commit whose decisions the log refused only what is owed to the log: outcomes."""
        memory = self._memory
        for row_id in commit.rows:
            del memory.rows[row_id]
            memory.hidden.discard(row_id)
            memory.stopped.pop(row_id, None)
        for key, before in reversed(commit.keys):
            if before is None:
                memory.seen.pop(key, None)
            else:
                memory.seen[key].destinations = set(before)
        for part in (commit.decisions, commit.rows, commit.keys):
            part.clear()
        commit.request_ids.clear()
        commit.over.set_result(None)
        commit.over = Future()
