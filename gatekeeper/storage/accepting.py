"""Arrivals in: rows and decision lines in one commit, repetitions told apart, books kept."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

import orjson

from gatekeeper.audit import lines
from gatekeeper.errors import StorageError
from gatekeeper.reasons import DUPLICATE
from gatekeeper.storage.commits import Commit, NotYet
from gatekeeper.storage.database import run
from gatekeeper.storage.outbox import (
    Arrival,
)
from gatekeeper.storage.rows import SHIFT
from gatekeeper.storage.tables import SEEN_FOR, Tables


class Accepting(Tables):
    """The callers' side of the embedded outbox."""

    _looked = 0.0

    def room(self, destination: str, count: int) -> bool:
        """Whether `count` more rows can be kept, by what the last commit saw."""
        no = self._numbers.get(destination)
        if no is None:
            return count <= self.max_queued
        if self._queued.get(no, 0) + self._unreleased.get(no, 0) + count <= self.max_queued:
            return True
        if time.monotonic() - self._looked > 0.05:  # perhaps another worker delivered since
            with contextlib.suppress(StorageError):
                self.try_again().result(1.0)
        return self._queued.get(no, 0) + self._unreleased.get(no, 0) + count <= self.max_queued

    def waiting(self, destination: str) -> int:
        """About how many rows of a destination are queued, claimed ones included."""
        return self._queued.get(self._numbers.get(destination, -1), 0)

    def try_again(self) -> Future[None]:
        """An empty commit: whether the store works."""
        return self._commits.submit(lambda commit: None)

    def accept(self, arrivals: Sequence[Arrival]) -> Future[list[str]]:
        """Keep arrivals; done with their request ids when their lines are durable."""
        return self._commits.submit(partial(_arrive, tuple(arrivals)), recorded=True)

    def _finish(self, commit: Commit) -> None:
        """Complete a commit: all arrivals of all callers at once."""
        if not self._numbers.keys() >= set(self._names):
            self._register(commit.db, self._names)
        if commit.arrivals:
            self._insert(commit, self._new(commit))
        if time.monotonic() - self._looked > 0.05:
            self._looked = time.monotonic()
            self._queued = dict(run(commit.db, "SELECT no, queued FROM destination"))

    def _new(self, commit: Commit) -> dict[int, list[tuple[Any, ...]]]:
        """Frames by destination number, of what is not there already; fills in the callers' request ids."""
        known = self._seen(commit)
        fresh: dict[int, tuple[bytes, str, list[int]]] = {}
        frames: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
        now = self._clock()
        for arrivals, answer in commit.arrivals:
            for one in arrivals:
                jobs = one.jobs
                if one.key is not None and jobs:
                    key = _key(one.key)
                    first = known.get(key)
                    if first is None:
                        first = known[key] = fresh[key] = (one.key[8:], one.request_id, [])
                        commit.keys.append((key, None))
                    elif first[0] == one.key[8:]:
                        jobs = tuple(job for job in jobs if self._number(commit, job.destination) not in first[2])
                        if not jobs:
                            answer.append(first[1])
                            continue
                        for job in one.jobs:
                            if job not in jobs:
                                line = lines.outcome_line(
                                    at=now,
                                    destination=job.destination,
                                    request_ids=[one.request_id],
                                    status="blocked",
                                    why=DUPLICATE,
                                    attempts=0,
                                )
                                commit.outcomes.append(line)
                        if key not in fresh:
                            commit.keys.append((key, orjson.dumps(first[2]).decode()))
                            fresh[key] = first
                    first[2].extend(self._number(commit, job.destination) for job in jobs)
                request_id, subjects, line = one.request_id, one.subjects, one.line
                answer.append(request_id)
                if line is not None:
                    commit.decisions.append(line)
                named = " ".join(subjects)
                for destination, event_time, head, body in jobs:
                    frames[self._number(commit, destination)].append(
                        (request_id, event_time, named, head.decode(), body.decode())
                    )
        if fresh:
            rows = [(key, rest.hex(), request_id, numbers) for key, (rest, request_id, numbers) in fresh.items()]
            run(
                commit.db,
                "INSERT OR REPLACE INTO seen SELECT value ->> 0, unhex(value ->> 1), value ->> 2, value -> 3, ? "
                "FROM json_each(?)",
                (int(now), orjson.dumps(rows).decode()),
            )
        return frames

    def _seen(self, commit: Commit) -> dict[int, tuple[bytes, str, list[int]]]:
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
            (orjson.dumps(keys).decode(), int(self._clock()) - SEEN_FOR),
        )
        if found:
            written = {request_id.encode() for _, _, request_id, _ in found}
            for (blob,) in run(commit.db, "SELECT lines FROM unwritten"):
                if any(request_id in line.core for line in lines.unpack(blob) for request_id in written):
                    raise NotYet
        return {key: (rest, request_id, orjson.loads(numbers)) for key, rest, request_id, numbers in found}

    def _insert(self, commit: Commit, frames: Mapping[int, list[tuple[Any, ...]]]) -> None:
        if not frames:
            return
        counts = orjson.dumps([(no, len(rows)) for no, rows in frames.items()]).decode()
        taken = run(
            commit.db,
            "UPDATE destination SET seq = seq + (new.value ->> 1) FROM json_each(?) AS new "
            "WHERE no = new.value ->> 0 RETURNING no, seq",
            (counts,),
        )
        for no, last in taken:
            rows = frames[no]
            first = (no << SHIFT) + last - len(rows) + 1
            run(
                commit.db,
                "INSERT INTO outbox SELECT ? + key, value FROM json_each(?)",
                (first, orjson.dumps(rows).decode()),
            )
            commit.ranges.append((first, first + len(rows) - 1))
            self._unreleased[no] = self._unreleased.get(no, 0) + len(rows)

    def _take_back(self, commit: Commit, refused: Commit) -> None:
        """The log did not take the lines: nothing of these arrivals was accepted."""
        for first, last in refused.ranges:
            run(commit.db, "DELETE FROM outbox WHERE id BETWEEN ? AND ?", (first, last))
            run(commit.db, "DELETE FROM stop WHERE id BETWEEN ? AND ?", (first, last))
            no = first >> SHIFT
            self._unreleased[no] = max(0, self._unreleased.get(no, 0) - (last - first + 1))
        for key, before in refused.keys:
            if before is None:
                run(commit.db, "DELETE FROM seen WHERE key = ?", (key,))
            else:
                run(commit.db, "UPDATE seen SET destinations = ? WHERE key = ?", (before, key))


def _arrive(arrivals: tuple[Arrival, ...], commit: Commit) -> list[str]:
    answer: list[str] = []
    commit.arrivals.append((arrivals, answer))
    return answer


def _key(key: bytes) -> int:
    return int.from_bytes(key[:8], "big", signed=True)
