"""Delivery from memory: jobs in, requests out, outcomes recorded. What waits is lost when the process is killed.

One thread with an event loop of its own, so that hosts without a loop are served too and a slow vendor is
never in the host's way. One queue and one task per destination: a dead vendor delays no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gatekeeper.audit.lines import Line, outcome_line
from gatekeeper.delivery.job import Job
from gatekeeper.delivery.retry import pause
from gatekeeper.delivery.send import Sender
from gatekeeper.destinations import KINDS
from gatekeeper.destinations.kind import Destination
from gatekeeper.errors import DeliveryError
from gatekeeper.model import Fate, Outcome
from gatekeeper.reasons import INTERNAL

CONCURRENT = 8  # requests under way to one destination
_log = logging.getLogger("gatekeeper")


@dataclass
class _Line:
    """What waits for one destination."""

    to: Destination
    ready: deque[Job] = field(default_factory=deque)
    later: dict[Job, asyncio.TimerHandle] = field(default_factory=dict)  # between two attempts
    waiting: int = 0  # ready, under way, or between attempts
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class MemoryDeliverer:
    """Delivers what it is given until it is closed. `record` takes outcome lines."""

    def __init__(
        self,
        destinations: Mapping[str, Destination],
        *,
        record: Callable[[Sequence[Line]], object],
        clock: Callable[[], float],
        timeout: float,
        max_queued: int,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._destinations = destinations
        self._record = record
        self._clock = clock
        self._timeout = timeout
        self._max_queued = max_queued
        self._chance = chance
        self._lock = threading.Lock()
        self._lines: dict[str, _Line] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0
        self._thread: threading.Thread | None = None
        self._stop = asyncio.Event()
        self._closing = threading.Event()
        self._drained_by = 20.0

    def room(self, destination: str, count: int) -> bool:
        """Whether `count` more jobs can be kept for a destination."""
        line = self._lines.get(destination)
        return (line.waiting if line else 0) + count <= self._max_queued

    def put(self, jobs: Sequence[Job]) -> None:
        """Take jobs over, from any thread."""
        self._start().call_soon_threadsafe(self._accept, tuple(jobs))

    def idle(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return all(line.waiting == 0 for line in self._lines.values())

    def close(self, timeout: float = 20.0) -> None:
        """Give what is under way `timeout` seconds to finish; what then still waits is recorded as failed."""
        with self._lock:
            thread, loop = self._thread, self._loop
            self._thread = None
        if thread is None or loop is None or self._pid != os.getpid():
            return
        self._drained_by = timeout
        self._closing.set()
        loop.call_soon_threadsafe(self._stop.set)
        thread.join(timeout + 5.0)

    def _start(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._thread is None or self._pid != os.getpid() or self._loop is None:
                self._pid = os.getpid()
                self._lines = {}
                started = threading.Event()
                self._thread = threading.Thread(
                    target=lambda: asyncio.run(self._main(started)), name="gatekeeper-delivery", daemon=True
                )
                self._thread.start()
                started.wait()
            if self._loop is None:
                raise DeliveryError("the delivery thread did not start")
            return self._loop

    async def _main(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._closing.clear()
        self._lines = {name: _Line(to) for name, to in self._destinations.items()}
        started.set()
        async with Sender(self._timeout) as sender:
            lines = self._lines.values()
            tasks = [asyncio.create_task(self._serve(line, sender)) for line in lines for _ in range(CONCURRENT)]
            await self._stop.wait()
            for line in lines:
                for job, timer in list(line.later.items()):
                    timer.cancel()
                    self._settle(line, [job], "failed", "shutdown")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._drained_by):
                    while not self.idle():
                        await asyncio.sleep(0.01)
            for line in lines:
                self._settle(line, [line.ready.popleft() for _ in range(len(line.ready))], "failed", "shutdown")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _accept(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            line = self._lines[job.destination]
            line.waiting += 1
            line.ready.append(job)
            line.wake.set()

    async def _serve(self, line: _Line, sender: Sender) -> None:
        while True:
            while not line.ready:
                line.wake.clear()
                await line.wake.wait()
            await self._attempt(line, self._batch(line), sender)

    def _batch(self, line: _Line) -> list[Job]:
        """The next jobs of one head, within the kind's limits."""
        kind = line.to.kind
        first = line.ready.popleft()
        batch, size = [first], len(first.head) + len(first.body)
        while line.ready and len(batch) < kind.batch_events:
            job = line.ready[0]
            size += len(job.body) + 1
            if job.head != first.head or size > kind.batch_bytes:
                break
            batch.append(line.ready.popleft())
        return batch

    async def _attempt(self, line: _Line, batch: list[Job], sender: Sender) -> None:
        now = self._clock()
        fresh = [job for job in batch if now - job.event_time <= line.to.kind.max_age]
        self._settle(line, [job for job in batch if job not in fresh], "failed", "expired")
        if not fresh:
            return
        fresh = [replace(job, attempts=job.attempts + 1) for job in fresh]
        try:
            answered = await self._send(line.to, fresh, sender)
        except asyncio.CancelledError:  # stopped while it was under way: the vendor may have it, or not
            self._settle(line, fresh, "failed", "unknown")
            raise
        except Exception as error:  # noqa: BLE001  # one bad batch must not end a destination's delivery
            _log.error("delivering to %s failed (%s)", line.to.name, type(error).__name__)
            self._settle(line, fresh, "failed", INTERNAL)
            return
        by_end: dict[tuple[str, str | None, int], list[Job]] = {}
        for job, outcome in answered:
            if outcome.fate is Fate.RETRY and job.attempts < line.to.kind.max_attempts and not self._closing.is_set():
                wait = pause(job.attempts, outcome.retry_after, self._chance)
                line.later[job] = asyncio.get_running_loop().call_later(wait, self._again, line, job)
                continue
            status = "delivered" if outcome.fate is Fate.DELIVERED else "failed"
            why = outcome.why if outcome.fate is not Fate.RETRY else f"dead:{outcome.why}"
            by_end.setdefault((status, why, job.attempts), []).append(job)
        for (status, why, _), jobs in by_end.items():
            self._settle(line, jobs, status, why)

    async def _send(self, to: Destination, jobs: Sequence[Job], sender: Sender) -> list[tuple[Job, Outcome]]:
        """One request for all of `jobs`, and the outcome of each; no answer is an outcome too."""
        module = KINDS[to.kind.name]
        outgoing = module.assemble(to, jobs[0].head, [job.body for job in jobs])
        try:
            outcomes = module.read_answer(await sender.send(outgoing), len(jobs))
        except DeliveryError as error:
            outcomes = (Outcome(Fate.RETRY, str(error)),) * len(jobs)
        return list(zip(jobs, outcomes, strict=True))

    def _again(self, line: _Line, job: Job) -> None:
        del line.later[job]
        line.ready.append(job)
        line.wake.set()

    def _settle(self, line: _Line, jobs: Sequence[Job], status: str, why: str | None) -> None:
        if not jobs:
            return
        line.waiting -= len(jobs)
        self._record(
            [
                outcome_line(
                    at=self._clock(),
                    destination=line.to.name,
                    request_ids=[job.request_id for job in jobs],
                    status=status,
                    why=why,
                    attempts=jobs[0].attempts,
                )
            ]
        )
