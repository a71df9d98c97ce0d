"""Arrivals in: rows and decision lines in one commit, repetitions told apart, books kept."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Final

import orjson

from gatekeeper.audit import lines, packed
from gatekeeper.errors import StorageError
from gatekeeper.model.reasons import DUPLICATE
from gatekeeper.storage.commits import Commit, Committer, NotYet
from gatekeeper.storage.database import run
from gatekeeper.storage.fresh import Payload
from gatekeeper.storage.generations import newest, withdrawn_since
from gatekeeper.storage.outbox import Accepted, Arrival, Job
from gatekeeper.storage.rows import SHIFT
from gatekeeper.storage.stopping import Stopping
from gatekeeper.storage.tables import SEEN_FOR, Tables

FRESH: Final = 0.05  # seconds that the last look at the books is good for


class SqliteIntake:
    """See `protocols.Intake`. Its rows are for whichever process delivers: it never owns one."""

    def __init__(self, tables: Tables, commits: Committer[Commit], posting: SqlitePosting) -> None:
        self._tables = tables
        self._commits = commits
        self._posting = posting

    def room(self, destination: str, count: int, *, ours: bool = True) -> bool:
        """Whether `count` more rows can be kept, by what the last commit saw."""
        tables = self._tables
        most = tables.bounds.most(ours=ours)
        if tables.numbers.get(destination) is None:
            return count <= most
        if not self._fits(destination, count, most) and time.monotonic() - self._posting.looked > FRESH:
            with contextlib.suppress(StorageError):  # perhaps another worker delivered since
                self._commits.submit(_nothing).result(1.0)
        return self._fits(destination, count, most)

    def accept(self, arrivals: Sequence[Arrival]) -> Future[Accepted]:
        """Keep arrivals; done with their request ids when their lines are durable."""
        arrived = tuple(arrivals)

        def do(commit: Commit) -> Accepted:
            answer: list[str] = []
            commit.arrivals.append((arrived, answer))
            return Accepted(answer)

        return self._commits.submit(do, recorded=True)

    def _fits(self, destination: str, count: int, most: int) -> bool:
        tables = self._tables
        no = tables.numbers.get(destination, -1)
        return tables.queued.get(no, 0) + tables.unreleased.get(no, 0) + count <= most


_First = tuple[bytes, str, list[int]]  # the rest of a key, the request id it came with, the destinations it went to


class _Seen:
    """Keys by their first eight bytes: those that are known, and among them those that this commit writes."""

    def __init__(self, known: dict[int, _First]) -> None:
        self.known = known
        self.fresh: dict[int, _First] = {}


class SqlitePosting:
    """See `commits.Posting`: what a commit means to the tables."""

    def __init__(
        self,
        tables: Tables,
        stopping: Stopping,
        land: Callable[[Commit], None],
        fresh: Callable[[int, int, Sequence[Payload]], None],
    ) -> None:
        self._tables = tables
        self._stopping = stopping
        self._land = land  # flights that were delivered
        self._fresh = fresh  # what was kept, for the claims of this process
        self.looked = 0.0  # at the books, monotonic seconds

    def release(self, commit: Commit, ranges: Sequence[tuple[int, int]]) -> None:
        """Lines are durable: their rows are accepted now, and may be claimed."""
        self._tables.release(commit, ranges)

    def finish(self, commit: Commit) -> None:
        """Complete a commit: all arrivals of all callers at once."""
        tables = self._tables
        if not tables.numbers.keys() >= set(tables.bounds.destinations):
            tables.register(commit)
        self._land(commit)
        if commit.arrivals:
            self._insert(commit, self._new(commit))
            self._stop_late(commit)
        if time.monotonic() - self.looked > FRESH:
            self.looked = time.monotonic()
            tables.queued = dict(run(commit.db, "SELECT no, queued FROM destination"))

    def _new(self, commit: Commit) -> dict[int, list[Payload]]:
        """Payloads by destination number, of what is not there already; fills in the callers' request ids."""
        number = self._tables.number
        seen = _Seen(self._seen(commit))
        payloads: defaultdict[int, list[Payload]] = defaultdict(list)
        for arrivals, answer in commit.arrivals:
            for one in arrivals:
                jobs = one.jobs
                if one.key is not None and jobs:
                    first, jobs = self._not_seen(commit, one.key, one, seen)
                    if not jobs:
                        answer.append(first)
                        continue
                request_id, _, subjects, line, *_ = one
                answer.append(request_id)
                if line is not None:
                    commit.decisions.append(line)
                named = " ".join(subjects)
                for destination, event_time, head, body in jobs:
                    payloads[number(commit, destination)].append(
                        (request_id, event_time, named, head.decode(), body.decode())
                    )
        if seen.fresh:
            rows = [(key, rest.hex(), request_id, numbers) for key, (rest, request_id, numbers) in seen.fresh.items()]
            run(
                commit.db,
                "INSERT OR REPLACE INTO seen SELECT value ->> 0, unhex(value ->> 1), value ->> 2, value -> 3, ? "
                "FROM json_each(?)",
                (int(self._tables.clock()), orjson.dumps(rows).decode()),
            )
        return payloads

    def _not_seen(self, commit: Commit, whole: bytes, one: Arrival, seen: _Seen) -> tuple[str, tuple[Job, ...]]:
        """The first request id that an arrival's key came with, and the jobs for destinations that it did not go to."""
        number = self._tables.number
        jobs, key, rest = one.jobs, _key(whole), whole[8:]
        first = seen.known.get(key)
        if first is None:
            first = seen.known[key] = seen.fresh[key] = (rest, one.request_id, [])
            commit.keys.append((key, None))
        elif first[0] == rest:
            jobs = tuple(job for job in jobs if number(commit, job.destination) not in first[2])
            if not jobs:
                return first[1], ()
            commit.outcomes += [self._duplicate(one.request_id, job) for job in one.jobs if job not in jobs]
            if key not in seen.fresh:
                commit.keys.append((key, orjson.dumps(first[2]).decode()))
                seen.fresh[key] = first
        first[2].extend(number(commit, job.destination) for job in jobs)
        return first[1], jobs

    def _duplicate(self, request_id: str, job: Job) -> lines.Line:
        return lines.outcome_line(
            at=self._tables.clock(),
            destination=job.destination,
            request_ids=[request_id],
            status="blocked",
            why=DUPLICATE,
            attempts=0,
        )

    def _seen(self, commit: Commit) -> dict[int, _First]:
        """What is known of the keys that arrived."""
        keys = [
            _key(one.key) for arrivals, _ in commit.arrivals for one in arrivals if one.key is not None and one.jobs
        ]
        if not keys:
            return {}
        found = run(
            commit.db,
            "SELECT key, rest, request_id, destinations FROM seen "
            "WHERE key IN (SELECT value FROM json_each(?)) AND at > ?",
            (orjson.dumps(keys).decode(), int(self._tables.clock()) - SEEN_FOR),
        )
        if found:
            written = {request_id.encode() for _, _, request_id, _ in found}
            for (blob,) in run(commit.db, "SELECT lines FROM unwritten"):
                if any(request_id in line.core for line in packed.unpack(blob) for request_id in written):
                    raise NotYet
        return {key: (rest, request_id, orjson.loads(numbers)) for key, rest, request_id, numbers in found}

    def _insert(self, commit: Commit, payloads: Mapping[int, list[Payload]]) -> None:
        if not payloads:
            return
        counts = orjson.dumps([(no, len(rows)) for no, rows in payloads.items()]).decode()
        taken = run(
            commit.db,
            "UPDATE destination SET seq = seq + (new.value ->> 1) FROM json_each(?) AS new "
            "WHERE no = new.value ->> 0 RETURNING no, seq",
            (counts,),
        )
        for no, last in taken:
            rows = payloads[no]
            first = (no << SHIFT) + last - len(rows) + 1
            run(
                commit.db,
                "INSERT INTO outbox SELECT ? + key, value FROM json_each(?)",
                (first, orjson.dumps(rows).decode()),
            )
            commit.ranges.append((first, first + len(rows) - 1))
            commit.committed.append(partial(self._fresh, no, first, rows))
            self._tables.hold(commit, no, len(rows))

    def _stop_late(self, commit: Commit) -> None:
        """Of what was decided before a withdrawal that is committed now, nothing may be sent.

        So the arrival that comes in behind a withdrawal and the withdrawal behind an arrival both end cancelled.
        """
        last = newest(commit.db)
        found: dict[int, str | None] = {}
        for arrivals, _ in commit.arrivals:
            for one in arrivals:
                if one.jobs and one.decided is not None and one.decided < last:
                    taken_back = withdrawn_since(commit.db, one.subjects, one.decided)
                    for no, first, end in self._spans(commit) if taken_back else ():
                        why = taken_back.get(self._tables.by_number[no])
                        for (row_id,) in (
                            ()
                            if why is None
                            else run(
                                commit.db,
                                "SELECT id FROM outbox WHERE id BETWEEN ? AND ? AND payload ->> 0 = ?",
                                (first, end, one.request_id),
                            )
                        ):
                            found[row_id] = why
        if found:
            self._stopping.stop(commit, found)

    def _spans(self, commit: Commit) -> list[tuple[int, int, int]]:
        return [(first >> SHIFT, first, last) for first, last in commit.ranges]

    def take_back(self, commit: Commit, refused: Commit) -> None:
        """The log did not take the lines: nothing of these arrivals was accepted."""
        for first, last in refused.ranges:
            run(commit.db, "DELETE FROM outbox WHERE id BETWEEN ? AND ?", (first, last))
            run(commit.db, "DELETE FROM stop WHERE id BETWEEN ? AND ?", (first, last))
            self._tables.let_go(commit, first >> SHIFT, last - first + 1)
        for key, before in refused.keys:
            if before is None:
                run(commit.db, "DELETE FROM seen WHERE key = ?", (key,))
            else:
                run(commit.db, "UPDATE seen SET destinations = ? WHERE key = ?", (before, key))


def _nothing(commit: Commit) -> None:
    """A commit of what waits besides."""


def _key(key: bytes) -> int:
    return int.from_bytes(key[:8], "big", signed=True)
