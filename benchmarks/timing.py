"""CPU time of a call: the best of several rounds, because everything else on a machine only ever adds."""

from __future__ import annotations

import time
from collections.abc import Callable


def cpu_us(call: Callable[[], object], *, calls: int = 5000, rounds: int = 7) -> float:
    """Microseconds of process CPU time per call, the best round of `rounds`."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(calls):
            call()
        best = min(best, (time.process_time() - start) / calls)
    return best * 1e6


def report(title: str, figures: dict[str, float]) -> None:
    """Print a small table."""
    print(title)
    for name, figure in figures.items():
        print(f"  {name:42} {figure:8.2f} µs")
