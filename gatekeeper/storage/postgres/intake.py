"""Arrivals in: packets and decision lines in one commit, repetitions told apart, books kept."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Final

from gatekeeper.audit import lines
from gatekeeper.errors import StorageError
from gatekeeper.model.reasons import DUPLICATE, WITHDRAWN
from gatekeeper.storage.commits import Committer, NotYet
from gatekeeper.storage.outbox import Accepted, Arrival, Job, Row
from gatekeeper.storage.postgres.commits import Commit
from gatekeeper.storage.postgres.connecting import run
from gatekeeper.storage.postgres.packets import Numbers, Packet, Place, insert, rows_of
from gatekeeper.storage.postgres.schema import SLOTS
from gatekeeper.storage.postgres.stopping import stop, withdrawn_since
from gatekeeper.storage.postgres.tables import SEEN_FOR, Tables

FRESH: Final = 0.05  # seconds that the last look at the books is good for
DAY: Final = 86_400


class PostgresIntake:
    """See `protocols.Intake`. Its rows are for whichever process delivers: it never owns one."""

    def __init__(self, tables: Tables, commits: Committer[Commit], posting: PostgresPosting) -> None:
        self._tables = tables
        self._commits = commits
        self._posting = posting

    def room(self, destination: str, count: int, *, ours: bool = True) -> bool:
        """Whether `count` more rows can be kept, by what the last commit saw."""
        most = self._tables.bounds.most(ours=ours)
        if not self._fits(destination, count, most) and time.monotonic() - self._posting.looked > FRESH:
            with contextlib.suppress(StorageError, TimeoutError):  # perhaps another process delivered since
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
        return tables.queued.get(destination, 0) + tables.unreleased.get(destination, 0) + count <= most


class _First:
    """The first arrival of a key: its request id, where it went, and in which table it is written."""

    def __init__(self, request_id: str, destinations: list[str], slot: int | None) -> None:
        self.request_id = request_id
        self.destinations = destinations
        self.slot = slot  # `None`: by this commit


class PostgresPosting:
    """See `writing.Posting`: what a commit means to the tables."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._numbers = Numbers()
        self.looked = 0.0  # at the books, monotonic seconds

    def release(self, commit: Commit, counts: Mapping[str, int], *, accepted: bool) -> None:
        """Lines are durable: their rows are accepted now, and may be claimed; or another process sees to that."""
        self._tables.release(commit, counts, accepted=accepted)

    def finish(self, commit: Commit) -> None:
        """Complete a commit: all arrivals of all callers at once."""
        tables = self._tables
        if commit.arrivals:
            self._insert(commit, self._new(commit))
        if time.monotonic() - self.looked > FRESH:
            self.looked = time.monotonic()
            tables.look_at_books(commit)

    def _new(self, commit: Commit) -> list[tuple[Arrival, Sequence[Job]]]:
        """What is not there already; fills in the callers' request ids."""
        known, fresh, wider = self._seen(commit), dict[bytes, _First](), dict[bytes, _First]()
        new: list[tuple[Arrival, Sequence[Job]]] = []
        for arrivals, answer in commit.arrivals:
            for one in arrivals:
                jobs = one.jobs
                if one.key is not None and jobs:
                    first = known.get(one.key)
                    if first is None:
                        first = known[one.key] = fresh[one.key] = _First(one.request_id, [], None)
                        commit.keys.append((one.key, None))
                    else:
                        jobs = tuple(job for job in jobs if job.destination not in first.destinations)
                        if not jobs:
                            answer.append(first.request_id)
                            continue
                        commit.outcomes += [self._duplicate(one.request_id, job) for job in one.jobs if job not in jobs]
                        if first.slot is not None and one.key not in wider:
                            commit.keys.append((one.key, [*first.destinations]))
                            wider[one.key] = first
                    first.destinations.extend(job.destination for job in jobs)
                answer.append(one.request_id)
                if one.line is not None:
                    commit.decisions.append(one.line)
                if jobs:
                    new.append((one, jobs))
        self._remember(commit, fresh, wider)
        return new

    def _remember(self, commit: Commit, fresh: Mapping[bytes, _First], wider: Mapping[bytes, _First]) -> None:
        """Write keys down. Another process may have written one meanwhile: then all of it is done again."""
        now = self._tables.clock()
        keys = sorted(fresh)  # in one order everywhere, so that two processes do not wait for each other
        if keys:
            firsts = [fresh[key] for key in keys]
            written = run(
                commit.link,
                "INSERT INTO seen AS s "
                "SELECT %s, new.key, new.request_id, string_to_array(new.destinations, ' '), %s, %s "
                "FROM unnest(%s::bytea[], %s::text[], %s::text[]) AS new(key, request_id, destinations) "
                "ON CONFLICT (slot, key) DO UPDATE SET request_id = excluded.request_id, "
                "destinations = excluded.destinations, at = excluded.at, record = excluded.record "
                "WHERE s.at <= %s RETURNING 1",
                (
                    _slot(now), now, commit.record, keys, [one.request_id for one in firsts],
                    [" ".join(one.destinations) for one in firsts], now - SEEN_FOR,
                ),
            )  # fmt: skip
            if len(written) < len(keys):
                raise NotYet
        for key in sorted(wider):
            run(
                commit.link,
                "UPDATE seen SET destinations = %s::text[], record = %s WHERE slot = %s AND key = %s",
                (wider[key].destinations, commit.record, wider[key].slot, key),
            )

    def _duplicate(self, request_id: str, job: Job) -> lines.Line:
        return lines.outcome_line(
            at=self._tables.clock(),
            destination=job.destination,
            request_ids=[request_id],
            status="blocked",
            why=DUPLICATE,
            attempts=0,
        )

    def _seen(self, commit: Commit) -> dict[bytes, _First]:
        """What is known of the keys that arrived."""
        keys = [one.key for arrivals, _ in commit.arrivals for one in arrivals if one.key is not None and one.jobs]
        if not keys:
            return {}
        found = run(
            commit.link,
            "SELECT s.slot, s.key, s.request_id, s.destinations, l.id FROM seen s LEFT JOIN lines l ON l.id = s.record "
            "WHERE s.key = ANY(%s) AND s.at > %s FOR UPDATE OF s",
            (keys, self._tables.clock() - SEEN_FOR),
        )
        if any(record is not None for *_, record in found):
            raise NotYet
        return {key: _First(request_id, destinations, slot) for slot, key, request_id, destinations, _ in found}

    def _insert(self, commit: Commit, new: Sequence[tuple[Arrival, Sequence[Job]]]) -> None:
        tables, now = self._tables, self._tables.clock()
        numbers = iter(self._numbers.take(commit.link, sum(len(jobs) for _, jobs in new)))
        together: dict[tuple[str, str], list[Row]] = {}
        late: dict[int, tuple[str, str]] = {}
        for one, jobs in new:
            taken_back = self._taken_back(commit, one)
            for destination, event_time, head, body in jobs:
                row = Row(next(numbers), one.request_id, event_time, one.subjects, head.decode(), body.decode())
                together.setdefault((destination, row.head), []).append(row)
                why = taken_back.get(destination)
                if why is not None:
                    late[int(str(row.id))] = destination, why
        packets = [
            Packet(0, destination, head, now, commit.record, Place(), tuple(rows))
            for (destination, head), rows in together.items()
        ]
        commit.packets += insert(commit.link, packets)
        for packet in packets:
            tables.hold(commit, commit.counts, packet.destination, len(packet.rows))
        stop(commit.link, late)

    def _taken_back(self, commit: Commit, one: Arrival) -> Mapping[str, str]:
        """Of what was decided before a withdrawal that is committed now, nothing may be sent.

        So the arrival that comes in behind a withdrawal and the withdrawal behind an arrival both end cancelled.
        """
        if one.decided is None or one.decided >= commit.generation:
            return {}
        if one.decided < commit.oldest:
            return {job.destination: WITHDRAWN for job in one.jobs}
        return withdrawn_since(commit.link, one.subjects, one.decided)

    def take_back(self, commit: Commit, refused: Commit) -> None:
        """The log did not take the lines: nothing of these arrivals was accepted."""
        for destination, count in refused.counts.items():
            self._tables.let_go(commit, destination, count)
        if not run(commit.link, "SELECT 1 FROM lines WHERE id = %s AND owner = %s", (refused.record, commit.owner)):
            return  # another process has adopted it, and accepts its rows
        gone = run(commit.link, "DELETE FROM outbox WHERE id = ANY(%s) RETURNING head, frame", (refused.packets,))
        ids = [row.id for head, frame in gone for row in rows_of(head, frame)]
        run(commit.link, "DELETE FROM stop WHERE id = ANY(%s)", (ids,))
        for key, before in refused.keys:
            if before is None:
                run(commit.link, "DELETE FROM seen WHERE key = %s AND record = %s", (key, refused.record))
            else:
                run(
                    commit.link,
                    "UPDATE seen SET destinations = %s::text[], record = 0 WHERE key = %s AND record = %s",
                    (before, key, refused.record),
                )


def _nothing(commit: Commit) -> None:
    """A commit of what waits besides."""


def _slot(now: float) -> int:
    return int(now // DAY) % SLOTS
