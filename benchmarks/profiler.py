"""`gatekeeper` with a sampling profiler inside: `python -m benchmarks.profiler RESULT serve --config …`

SIGUSR1 starts it; the second one stops it and writes CPU seconds per stage to RESULT as JSON. At each tick of the
process' CPU time every thread's own CPU clock is read, and what it used since is put down to what it is doing: the sum
is exact, the attribution is a sample. CPU of threads that are not Python's is the HTTP client's.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import orjson

from .stages import CLIENT, ROOT, stage_of

TICK = 0.002  # seconds of CPU time; kernels round it up to their own, 4 ms as a rule


class Sampler:
    """CPU seconds per stage."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self.ticks = 0
        self._clocks: dict[int, float] = {}
        self._started = 0.0

    def start(self) -> None:
        """Count from now."""
        self._started = time.process_time()
        self._clocks = {thread.ident or 0: _clock(thread) for thread in threading.enumerate()}

    def tick(self, frame: FrameType | None) -> None:
        """Put down what each thread used since the last tick; `frame` is the main thread's."""
        self.ticks += 1
        frames = sys._current_frames()
        for thread in threading.enumerate():
            now = _clock(thread)
            used = now - self._clocks.get(thread.ident or 0, now)
            self._clocks[thread.ident or 0] = now
            if used > 0:
                at = frame if thread is threading.main_thread() else frames.get(thread.ident or 0)
                self.spent[stage_of(_files(at), delivering="delivery" in thread.name)] += used

    def stop(self) -> dict[str, float]:
        """Seconds per stage, of everything that this process used."""
        rest = time.process_time() - self._started - sum(self.spent.values())
        self.spent[CLIENT] += max(0.0, rest)
        return dict(self.spent)


def _clock(thread: threading.Thread) -> float:
    return time.clock_gettime(time.pthread_getcpuclockid(thread.ident or 0))


def _files(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        yield frame.f_code.co_filename
        frame = frame.f_back


def install(result: Path) -> None:
    """Have SIGUSR1 start and stop the sampling of this process."""
    sampler = Sampler()
    running: list[bool] = []

    def switch(number: int, frame: FrameType | None) -> None:
        if not running:
            running.append(True)
            sampler.start()
            signal.setitimer(signal.ITIMER_PROF, TICK, TICK)
            return
        signal.setitimer(signal.ITIMER_PROF, 0)
        part = result.with_suffix(".part")
        part.write_bytes(orjson.dumps({"seconds": sampler.stop(), "ticks": sampler.ticks}))
        part.replace(result)

    signal.signal(signal.SIGPROF, lambda number, frame: sampler.tick(frame))
    signal.signal(signal.SIGUSR1, switch)


def main() -> None:
    """Profile a command of gatekeeper."""
    result, sys.argv = Path(sys.argv[1]), ["gatekeeper", *sys.argv[2:]]
    install(result)
    from gatekeeper.__main__ import main as command

    command()


def possible() -> bool:
    """Whether the system has a CPU clock per thread."""
    return hasattr(time, "pthread_getcpuclockid") and hasattr(signal, "setitimer") and os.name == "posix"


if __name__ == "__main__":
    assert ROOT
    main()
