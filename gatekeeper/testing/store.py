"""A store in memory: what it keeps ends with the process. For tests of an app, and of what calls a store.

    runtime = Runtime(policy, store=open_memory)

It keeps every promise of `gatekeeper.storage.protocols` but one: nothing survives a crash. Several stores on one
`Memory` are several workers of one node; `Memory.kill` ends one as SIGKILL would. With `owns`, a worker's acceptance
gives it its rows at once, as an engine may that packs rows for the process that accepted them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from gatekeeper.audit.lines import Line, outcome_line
from gatekeeper.errors import AuditError, StorageError
from gatekeeper.installation import ids as request_ids
from gatekeeper.model.reasons import DUPLICATE
from gatekeeper.storage.outbox import (
    CANCELLED,
    DEAD,
    WORDS,
    Accepted,
    Again,
    Arrival,
    Claimed,
    Count,
    DeadLetter,
    Ending,
    Flight,
    Recovered,
    Refusal,
    Row,
    Trouble,
)
from gatekeeper.storage.protocols import Bounds, Missing, Needs, Recording
from gatekeeper.storage.rows import batches

R = TypeVar("R")
SEEN_FOR: Final = 7 * 86_400
REMOVED: Final = "destination_removed"


@dataclass(eq=False, slots=True)
class _Kept:
    """Lines that the log does not have yet, the rows that wait for them, and how to take their arrivals back."""

    owner: MemoryStore
    at: float
    decisions: list[Line] = field(default_factory=list)
    outcomes: list[Line] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    request_ids: set[str] = field(default_factory=set)
    keys: list[tuple[bytes, frozenset[str] | None]] = field(default_factory=list)
    offered: bool = False
    over: Future[None] = field(default_factory=Future)


@dataclass(slots=True)
class _First:
    """The first arrival of a key: its id, when it came, and where it went."""

    request_id: str
    at: float
    destinations: set[str]


@dataclass(slots=True)
class _Stop:
    """A row that was cancelled while it was under way: why, and whether the deliverer has heard of it."""

    why: str | None
    heard: bool


class Memory:
    """What the workers of one node share. Everything is done under its lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.last = 0
        self.rows: dict[int, tuple[str, Row]] = {}  # all that have not ended, with their destinations
        self.hidden: set[int] = set()  # of those, the ones whose line is not written
        self.flights: dict[int, Flight] = {}
        self.waiting: dict[int, tuple[float, int]] = {}  # row -> due, attempt
        self.stopped: dict[int, _Stop] = {}
        self.dead: dict[int, tuple[str, Row, int, str, float]] = {}
        self.books: dict[str, dict[str, int]] = {}
        self.troubles: dict[str, Trouble] = {}
        self.seen: dict[bytes, _First] = {}
        self.kept: list[_Kept] = []
        self.gone: set[MemoryStore] = set()
        self.leader: MemoryStore | None = None
        self.listeners: list[tuple[Callable[[], None], Callable[[], None]]] = []
        self.unanswered: list[tuple[Future[int], int, set[int]]] = []  # withdrawals that the deliverer has not heard of

    def kill(self, store: MemoryStore) -> None:
        """End a worker as SIGKILL would: what it had under way and could not write is for the others."""
        with self.lock:
            self.gone.add(store)
            if self.leader is store:
                self.leader = None
            self.answer()

    def id(self) -> int:
        """A number that nothing had before."""
        self.last += 1
        return self.last

    def count(self, destination: str, **numbers: int) -> None:
        """Add to a destination's books."""
        books = self.books.setdefault(destination, dict.fromkeys(Count.__slots__[:7], 0))
        for name, number in numbers.items():
            books[name] += number

    def all(self) -> list[tuple[int, str, Row]]:
        """Rows that have not ended, and dead letters: number, destination, row."""
        return [
            *((number, name, row) for number, (name, row) in self.rows.items()),
            *((number, name, row) for number, (name, row, *_) in self.dead.items()),
        ]

    def flying(self) -> set[Hashable]:
        """Rows that are under way."""
        return {row.id for flight in self.flights.values() for row in flight.rows}

    def tell(self, *, withdrawn: bool = False) -> None:
        """Say that rows may be claimable, or cancelled."""
        for claimable, cancelled in self.listeners:
            (cancelled if withdrawn else claimable)()

    def answer(self) -> None:
        """Answer the withdrawals that the deliverer has heard of, or that there is no deliverer for."""
        for entry in list(self.unanswered):
            done, number, rows = entry
            if self.leader is None or not any(row in self.stopped and not self.stopped[row].heard for row in rows):
                self.unanswered.remove(entry)
                done.set_result(number)


class MemoryStore:
    """One worker's view. See `gatekeeper.storage.protocols.Store`; it is each of its parts itself."""

    def __init__(
        self,
        bounds: Bounds,
        recorder: Recording,
        *,
        memory: Memory | None = None,
        missing: Missing = lambda lines, since: list(lines),
        clock: Callable[[], float] = time.time,
        owns: bool = False,
        heard_within: float = 5.0,
    ) -> None:
        self.bounds = bounds
        self.place: Path | None = None
        self._recorder = recorder
        self._memory = memory or Memory()
        self._missing = missing
        self._clock = clock
        self._owns = owns
        self._heard_within = heard_within

    @property
    def intake(self) -> MemoryStore:
        """For the gate."""
        return self

    queue = withdrawals = refusals = dead_letters = books = records = intake

    def use(self, bounds: Bounds) -> None:
        """Go by another policy's bounds, from now on."""
        self.bounds = bounds

    def close(self) -> None:
        """Stop leading; what is kept stays as long as the `Memory`."""
        self.leave()

    # Intake

    def room(self, destination: str, count: int, *, ours: bool = True) -> bool:
        """Whether `count` more rows can be kept for a destination."""
        with self._memory.lock:
            there = sum(name == destination for name, _ in self._memory.rows.values())
            return there + count <= self.bounds.most(ours=ours)

    def accept(self, arrivals: Sequence[Arrival]) -> Future[Accepted]:
        """Keep arrivals and have their lines written."""
        done: Future[Accepted] = Future()
        self._accept(tuple(arrivals), done)
        return done

    def _accept(self, arrivals: tuple[Arrival, ...], done: Future[Accepted]) -> None:
        memory = self._memory
        with memory.lock:
            firsts = {memory.seen[one.key].request_id for one in arrivals if one.key in memory.seen and one.jobs}
            for kept in memory.kept:
                if not kept.over.done() and kept.request_ids & firsts:  # a repetition of what may still be refused
                    kept.over.add_done_callback(lambda over: self._accept(arrivals, done))
                    return
            kept = _Kept(self, self._clock())
            answer = [self._arrive(one, kept) for one in arrivals]
            self._record(kept, lambda flights: done.set_result(Accepted(answer, flights)), done.set_exception)

    def _arrive(self, one: Arrival, kept: _Kept) -> str:
        """Keep one arrival; the request id to answer with."""
        memory, jobs = self._memory, one.jobs
        if one.key is not None and jobs:
            first = memory.seen.get(one.key)
            if first is None or first.at <= self._clock() - SEEN_FOR:
                kept.keys.append((one.key, None))
                first = memory.seen[one.key] = _First(one.request_id, self._clock(), set())
            else:
                jobs = tuple(job for job in jobs if job.destination not in first.destinations)
                if not jobs:
                    return first.request_id
                for job in one.jobs:
                    if job not in jobs:
                        kept.outcomes.append(self._line(job.destination, [one.request_id], "blocked", DUPLICATE, 0))
                kept.keys.append((one.key, frozenset(first.destinations)))
            first.destinations.update(job.destination for job in jobs)
        if one.line is not None:
            kept.decisions.append(one.line)
        kept.request_ids.add(one.request_id)
        for job in jobs:
            row = Row(memory.id(), one.request_id, job.event_time, one.subjects, job.head.decode(), job.body.decode())
            memory.rows[memory.last] = (job.destination, row)
            memory.hidden.add(memory.last)
            kept.rows.append(memory.last)
        return one.request_id

    # Lines

    def kept(self) -> int:
        """How many commits' lines the log does not have yet."""
        with self._memory.lock:
            return sum(bool(kept.decisions or kept.outcomes) for kept in self._memory.kept)

    def adopt(self) -> Future[int]:
        """Write the lines that ended workers could not."""
        return self._do(self._adopt)

    def _adopt(self) -> int:
        memory = self._memory
        left = [kept for kept in memory.kept if kept.owner in memory.gone]
        for kept in left:
            lines = self._missing([*kept.decisions, *kept.outcomes], kept.at)
            heir = _Kept(self, kept.at, outcomes=lines, rows=kept.rows, request_ids=kept.request_ids)
            memory.kept.remove(kept)
            self._record(heir, lambda flights, kept=kept: kept.over.set_result(None), lambda error: None)  # type: ignore[misc]  # bound here
        return len(left)

    def _record(
        self, kept: _Kept, done: Callable[[tuple[Flight, ...]], object], failed: Callable[[Exception], object]
    ) -> None:
        """Have lines written; then let their rows go and say that it is done."""
        lines = [*kept.decisions, *kept.outcomes]
        if not lines:
            done(self._release(kept))
            return
        self._memory.kept.append(kept)
        kept.offered = True

        def recorded(future: Future[None]) -> None:
            with self._memory.lock:
                kept.offered = False
                if kept not in self._memory.kept:  # adopted meanwhile
                    return
                if future.exception() is None:
                    self._memory.kept.remove(kept)
                    flights = self._release(kept)
                    kept.over.set_result(None)
                    done(flights)
                    return
                if kept.decisions:
                    self._take_back(kept)
                    failed(AuditError("the audit log cannot be written"))
                else:
                    done(())
                if not kept.outcomes:
                    self._memory.kept.remove(kept)

        self._recorder.append(lines).add_done_callback(recorded)

    def _release(self, kept: _Kept) -> tuple[Flight, ...]:
        memory = self._memory
        memory.hidden.difference_update(kept.rows)
        owned: dict[str, list[Row]] = {}
        for row_id in kept.rows:
            destination, row = memory.rows[row_id]
            memory.count(destination, accepted=1, queued=1)
            if row_id in memory.stopped:
                self._end(destination, Ending(CANCELLED, None, (row,)), 0)
            else:
                owned.setdefault(destination, []).append(row)
        if self._owns and kept.decisions:
            return tuple(self._fly(name, 1, [row]) for name, rows in owned.items() for row in rows)
        if kept.rows:
            memory.tell()
        return ()

    def _take_back(self, kept: _Kept) -> None:
        memory = self._memory
        for row_id in kept.rows:
            del memory.rows[row_id]
            memory.hidden.discard(row_id)
            memory.stopped.pop(row_id, None)
        for key, before in reversed(kept.keys):
            if before is None:
                memory.seen.pop(key, None)
            else:
                memory.seen[key].destinations = set(before)
        for part in (kept.decisions, kept.rows, kept.keys):
            part.clear()
        kept.request_ids.clear()
        kept.over.set_result(None)
        kept.over = Future()

    def _line(self, destination: str, names: Iterable[str], status: str, why: str | None, attempts: int) -> Line:
        return outcome_line(
            at=self._clock(), destination=destination, request_ids=names, status=status, why=why, attempts=attempts
        )

    def _write(self, lines: list[Line]) -> None:
        """Have outcome lines written; those that the log refuses are offered again by `maintain`."""
        if lines:
            kept = _Kept(self, self._clock(), outcomes=lines)
            self._record(kept, lambda flights: None, lambda error: None)

    # Queue

    def lead(self) -> bool:
        """Whether no other worker leads."""
        with self._memory.lock:
            self._memory.leader = self._memory.leader or self
            return self._memory.leader is self

    def leave(self) -> None:
        """Stop leading."""
        with self._memory.lock:
            if self._memory.leader is self:
                self._memory.leader = None
            self._memory.answer()

    def watch(self, claimable: Callable[[], None], withdrawn: Callable[[], None]) -> None:
        """Have changes reported."""
        self._memory.listeners.append((claimable, withdrawn))

    def troubled(self, destination: str, trouble: Trouble | None) -> None:
        """Say that a vendor is failing, or that it works again."""
        with self._memory.lock:
            self._memory.troubles.pop(destination, None)
            if trouble is not None:
                self._memory.troubles[destination] = trouble

    def recover(self) -> Future[Recovered]:
        """Take over what ended workers left."""
        with self._memory.lock:
            self._memory.troubles.clear()
        return self._do(self._recover)

    def _recover(self) -> Recovered:
        memory = self._memory
        self._adopt()
        flights = [flight._replace(id=memory.id()) for flight in memory.flights.values()]
        memory.flights = {number: flight for flight in flights if isinstance(number := flight.id, int)}
        groups: dict[tuple[str, float, int], list[Hashable]] = {}
        for row_id, (due, attempt) in memory.waiting.items():
            groups.setdefault((memory.rows[row_id][0], due, attempt), []).append(row_id)
        waiting = [(name, Again(due, attempt, tuple(ids))) for (name, due, attempt), ids in groups.items()]
        return Recovered(tuple(flights), tuple(waiting), {}, self._bury())

    def ready(self, destination: str) -> int:
        """How many rows could be claimed now."""
        with self._memory.lock:
            return len(self._claimable(destination))

    def claim(self, destination: str, *, events: int, size: int, flights: int) -> Future[Claimed]:
        """New flights, in the order of acceptance."""

        def do() -> Claimed:
            rows = self._claimable(destination)
            together, taken = batches(rows, (), events, size, flights)
            return Claimed(tuple(self._fly(destination, 1, batch) for batch in together), taken < len(rows))

        return self._do(do)

    def claim_again(self, destination: str, again: Again) -> Future[Flight | None]:
        """A flight of rows whose waiting is over."""

        def do() -> Flight | None:
            rows = [self._memory.rows[row_id][1] for row_id in again.ids if row_id in self._memory.waiting]
            for row in rows:
                self._memory.waiting.pop(_number(row.id))
            return self._fly(destination, again.attempt + 1, rows) if rows else None

        return self._do(do)

    def settle(
        self, flight: Flight, endings: Sequence[Ending], again: Sequence[Again], why: str | None, landed: bool
    ) -> Future[bool]:
        """What became of rows of a flight."""

        def do() -> bool:
            memory = self._memory
            mine = memory.flights.get(_number(flight.id))
            if mine is None:
                return False
            left = {row.id: row for row in mine.rows}
            for ending in endings:
                rows = tuple(left.pop(row.id) for row in ending.rows if row.id in left)
                self._end(flight.destination, ending._replace(rows=rows), flight.attempt)
            for wait in again:
                rows = tuple(left.pop(row_id) for row_id in wait.ids if row_id in left)
                stopped = tuple(row for row in rows if row.id in memory.stopped)
                self._end(flight.destination, Ending(CANCELLED, None, stopped), flight.attempt)
                rows = tuple(row for row in rows if row not in stopped)
                memory.waiting.update({_number(row.id): (wait.due, wait.attempt) for row in rows})
                if rows:
                    memory.count(flight.destination, retried=len(rows))
                    names = [row.request_id for row in rows]
                    self._write([self._line(flight.destination, names, "pending", why, flight.attempt)])
            if landed:
                del memory.flights[_number(flight.id)]
            else:
                memory.flights[_number(flight.id)] = mine._replace(rows=tuple(left.values()))
            return True

        return self._do(do)

    def give_back(self, flight: Flight) -> Future[bool]:
        """Let a flight's rows be claimed as if they never had been."""

        def do() -> bool:
            given = self._memory.flights.pop(_number(flight.id), None) is not None
            if given:
                self._memory.tell()
            return given

        return self._do(do)

    def maintain(self) -> Future[None]:
        """Offer lines again, adopt, forget what is old."""

        def do() -> None:
            memory, now = self._memory, self._clock()
            for kept in [one for one in memory.kept if one.owner is self and not one.offered and not one.decisions]:
                memory.kept.remove(kept)
                self._record(kept, lambda flights: None, lambda error: None)
            self._adopt()
            self._bury()
            memory.dead = {n: one for n, one in memory.dead.items() if one[4] >= now - self.bounds.dead_for}
            memory.seen = {key: first for key, first in memory.seen.items() if first.at > now - SEEN_FOR}

        return self._do(do)

    def _claimable(self, destination: str) -> list[Row]:
        """Rows that can be claimed; those that were cancelled under way and came back end here."""
        memory = self._memory
        flying = memory.flying()
        rows = [
            row
            for row_id, (name, row) in memory.rows.items()
            if name == destination and row_id not in memory.hidden | memory.waiting.keys() and row_id not in flying
        ]
        stopped = tuple(row for row in rows if row.id in memory.stopped)
        self._end(destination, Ending(CANCELLED, None, stopped), 0)
        return [row for row in rows if row not in stopped]

    def _fly(self, destination: str, attempt: int, rows: Sequence[Row]) -> Flight:
        number = self._memory.id()
        flight = self._memory.flights[number] = Flight(number, destination, attempt, tuple(rows))
        return flight

    def _end(self, destination: str, ending: Ending, attempt: int) -> None:
        memory = self._memory
        ids = [_number(row.id) for row in ending.rows if row.id in memory.rows]
        whys = {row_id: memory.stopped[row_id] for row_id in ids if row_id in memory.stopped}
        for row_id in ids:
            _, row = memory.rows.pop(row_id)
            memory.waiting.pop(row_id, None)
            memory.stopped.pop(row_id, None)
            if ending.state == DEAD:
                memory.dead[row_id] = (destination, row, attempt, ending.why or "", self._clock())
        if ids:
            memory.count(destination, queued=-len(ids), **{ending.state: len(ids)})
            together: dict[str | None, list[str]] = {}
            for row in ending.rows:
                stop = whys.get(_number(row.id)) if ending.state == CANCELLED and ending.why is None else None
                together.setdefault(ending.why if stop is None else stop.why, []).append(row.request_id)
            word = WORDS[ending.state]
            self._write([self._line(destination, names, word, why, attempt) for why, names in together.items()])
        memory.answer()

    def _bury(self) -> int:
        memory, buried = self._memory, 0
        busy = memory.hidden | memory.flying()
        for row_id, (name, row) in list(memory.rows.items()):
            if name not in self.bounds.destinations and row_id not in busy:
                withdrawn = row_id in memory.stopped
                self._end(name, Ending(CANCELLED, None, (row,)) if withdrawn else Ending(DEAD, REMOVED, (row,)), 0)
                buried += not withdrawn
        return buried

    # Withdrawals

    def cancel(self, subjects: Collection[str], destinations: Collection[str] | None = None) -> Future[int]:
        """End every row of the subjects; done when the deliverer has heard of those under way."""
        meant = set(subjects)
        with self._memory.lock:
            return self._stop(
                {
                    row_id: None
                    for row_id, name, row in self._memory.all()
                    if not meant.isdisjoint(row.subjects) and (destinations is None or name in destinations)
                }
            )

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
            return self._stop(whys) if whys else None

    def _stop(self, whys: Mapping[int, str | None]) -> Future[int]:
        """End rows and dead letters, by id with the reason; done when the deliverer has heard of those under way."""
        memory, done = self._memory, Future[int]()
        under_way, number, flying = set(), 0, memory.flying()
        for row_id, why in whys.items():
            if row_id in memory.dead:
                name, row, *_ = memory.dead.pop(row_id)
                self._write([self._line(name, [row.request_id], WORDS[CANCELLED], why, 0)])
            elif row_id in flying or row_id in memory.hidden:
                memory.stopped.setdefault(row_id, _Stop(why, row_id in memory.hidden))
                under_way |= {row_id} & flying
            else:
                name, row = memory.rows[row_id]
                self._end(name, Ending(CANCELLED, why, (row,)), 0)
                number += 1
        memory.unanswered.append((done, number, {_number(row_id) for row_id in under_way}))
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

        def do() -> None:
            for row in rows:
                if row in self._memory.stopped:
                    self._memory.stopped[_number(row)].heard = True
            self._memory.answer()

        return self._do(do)

    # Dead letters

    def page(self, destination: str | None = None, limit: int = 1_000) -> list[DeadLetter]:
        """The newest dead letters."""
        with self._memory.lock:
            letters = [
                DeadLetter(str(n), name, row.request_id, row.event_time, attempts, why, at)
                for n, (name, row, attempts, why, at) in self._memory.dead.items()
                if destination in (None, name)
            ]
        return sorted(letters, key=lambda letter: (letter.at, int(letter.id)), reverse=True)[:limit]

    def retry(self, ids: Sequence[str]) -> Future[int]:
        """Queue dead letters again."""

        def do() -> int:
            memory = self._memory
            letters = [memory.dead.pop(int(one)) for one in ids if one.isdecimal() and int(one) in memory.dead]
            for name, row, *_ in letters:
                number = memory.id()
                memory.rows[number] = (name, row._replace(id=number))
                memory.count(name, accepted=1, queued=1)
                self._write([self._line(name, [row.request_id], "pending", "retried_by_hand", 0)])
            memory.tell()
            return len(letters)

        return self._do(do)

    def purge(self, ids: Sequence[str]) -> Future[int]:
        """Delete dead letters."""
        return self._do(
            lambda: sum(one.isdecimal() and self._memory.dead.pop(int(one), None) is not None for one in ids)
        )

    # Books

    def count(self) -> Mapping[str, Count]:
        """Every destination's books."""
        memory = self._memory
        with memory.lock:
            oldest = {
                name: request_ids.milliseconds(row.request_id) / 1000
                for row_id, (name, row) in reversed(memory.rows.items())
                if row_id not in memory.hidden
            }
            return {
                name: Count(**memory.books.get(name, dict.fromkeys(Count.__slots__[:7], 0)), oldest=oldest.get(name))
                for name in {**dict.fromkeys(self.bounds.destinations), **memory.books}
            }

    def troubles(self) -> dict[str, Trouble]:
        """The destinations whose vendors are failing."""
        with self._memory.lock:
            return dict(self._memory.troubles)

    def idle(self) -> bool:
        """Whether every row has ended and every line is written."""
        with self._memory.lock:
            return not self._memory.rows and not self._memory.kept and not self._memory.flights

    def failing(self) -> str | None:
        """Memory does not fail."""
        return None

    def try_again(self) -> Future[None]:
        """Memory works."""
        return self._do(lambda: None)

    def _do(self, do: Callable[[], R]) -> Future[R]:
        done: Future[R] = Future()
        with self._memory.lock:
            result = do()
        done.set_result(result)
        return done


def open_memory(needs: Needs) -> MemoryStore:
    """A store in memory for `Runtime(store=…)`."""
    return MemoryStore(needs.bounds, needs.recorder, missing=needs.missing, clock=needs.clock)


def _number(row_id: Hashable) -> int:
    """An id of ours."""
    if not isinstance(row_id, int):
        raise TypeError("not an id of this store")
    return row_id
