"""One window of one contestant: calls in this process, or load on another."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from .cpu import Meter, tree
from .histogram import Histogram
from .load import Load, Sent
from .machine import busy_seconds
from .process import Process, Vendor, loaded
from .shape import Repeat, Served, Stage

FOREIGN = 0.12  # of a core: above it, a window says more of the neighbours than of the contestant
_STALLED = 5.0  # seconds without any arrival after which a delivery is given up


@dataclass(frozen=True, slots=True)
class Window:
    """What one window of load showed."""

    sent: Sent
    cpu_us: float  # of the process under test, per request
    seconds: float  # until the last event had arrived
    foreign: float | None  # cores that others used; `None` where it is not told
    arrived: int | None = None
    servers_us: float | None = None  # of the servers that it uses, per request

    @property
    def clean(self) -> bool:
        """Whether the neighbours were quiet."""
        return self.foreign is None or self.foreign <= FOREIGN


def calls_for(repeat: Repeat, seconds: float, step: int = 1) -> int:
    """How many calls take that long, a multiple of `step`; doubles until it is known."""
    calls = step
    while True:
        start = time.perf_counter()
        repeat(calls)
        took = time.perf_counter() - start
        if took >= seconds / 8:
            return step * max(1, round(calls * seconds / took / step))
        calls *= 2


def in_process(repeat: Repeat, calls: int) -> float:
    """CPU microseconds per call, all threads of this process together."""
    start = time.process_time()
    repeat(calls)
    return (time.process_time() - start) / calls * 1e6


def one_by_one(repeat: Repeat, calls: int) -> Histogram:
    """How long each of the calls took, by the clock on the wall; the next begins when one is over."""
    histogram = Histogram()
    for _ in range(calls):
        start = time.perf_counter_ns()
        repeat(1)
        histogram.record((time.perf_counter_ns() - start) // 1_000)
    return histogram


def window(contestant: Served, process: Process, stage: Stage, load: Load, tries: int = 1) -> Window:
    """A window that others did not disturb; the last of `tries` if they always did."""
    for left in reversed(range(tries)):
        one = _window(contestant, process, stage, load)
        if one.clean or not left:
            return one
    raise AssertionError("unreachable")


def _window(contestant: Served, process: Process, stage: Stage, load: Load) -> Window:
    vendor = stage.vendor
    if vendor is not None:
        vendor.told("clear")
    meters = [Meter(pid) for pid in (process.pid, *process.pids)]
    servers, own = [Meter(pid) for pid in process.servers], _ours(process, vendor)
    busy, start = busy_seconds(), time.perf_counter()
    sent = loaded(load)
    arrived = None
    if contestant.events and vendor is not None:
        arrived = _arrive(vendor, sent.answered * contestant.events)
    took = time.perf_counter() - start
    spent, after = sum(meter.seconds() for meter in meters), busy_seconds()
    beside = sum(meter.seconds() for meter in servers) if servers else None
    foreign = None
    if busy is not None and after is not None:
        ours = _ours(process, vendor) - own
        foreign = max(0.0, after - busy - ours) / took
    active = sent.seconds + (took - sent.seconds if contestant.events else 0.0)
    per = max(1, sent.answered) / 1e6
    return Window(sent, spent / per, active, foreign, arrived, None if beside is None else beside / per)


def _arrive(vendor: Vendor, wanted: int) -> int:
    """Wait until that many events have arrived, or until none does any more."""
    last, since = -1, time.monotonic()
    while (count := vendor.count()) < wanted:
        if count != last:
            last, since = count, time.monotonic()
        elif time.monotonic() - since > _STALLED:
            break
        time.sleep(0.05)
    return count


def _ours(process: Process, vendor: Vendor | None) -> float:
    """CPU seconds of everything of ours so far: this process, its ended children, the two servers."""
    times = os.times()
    total = times.user + times.system + times.children_user + times.children_system
    for root in {process.pid, *process.pids, *process.servers, *([vendor.pid] if vendor else [])}:
        for one in tree(root):
            total += _spent(one)
    return total


def _spent(process: int) -> float:
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as stat:  # noqa: PTH123  # no Path
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
