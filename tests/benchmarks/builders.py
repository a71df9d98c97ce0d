"""Results of a run, made by hand, and options of a run that takes no time."""

from pathlib import Path
from typing import Any

from benchmarks.histogram import Histogram
from benchmarks.options import Options
from benchmarks.shape import Outcome, Scenario

TINY = Options(
    rounds=2, seconds=0.1, warm_seconds=0.1, micro_seconds=0.002, paced_seconds=0.2, paced_rounds=1, connections=4,
    depths=(10, 200), concurrency=(1, 4), destinations=(1, 4), tries=1,
)  # fmt: skip
MACHINE = {
    "system": "Linux 6.1", "architecture": "x86_64", "processor": "Some CPU", "cores": 2, "pinned": True,
    "memory_mb": 8192, "python": "CPython 3.11.7", "event_loop": "uvloop 0.21", "packages": {}, "load_before": 0.1,
}  # fmt: skip


def tiny(out: Path, *scenarios: str, **changes: Any) -> Options:
    """Options for a run in no time."""
    from dataclasses import replace

    return replace(TINY, out=out, scenarios=scenarios, **changes)


def outcome(*rounds: float, latencies: tuple[int, ...] = (), note: str = "", served: bool = True) -> Outcome:
    """A contestant with these CPU microseconds, and with latencies in microseconds."""
    made = Outcome(note=note, memory_mb=42.0 if served else None)
    made.metric("cpu_us", "µs").rounds += rounds
    if served:
        made.metric("per_second", "req/s", "higher").rounds += [1e6 / one for one in rounds]
    if latencies:
        histogram = Histogram((value, 1) for value in latencies)
        made.latency = {"unsent": 0, "rate": 200.0, "pairs": histogram.pairs(), **histogram.summary()}
    return made


def finished(**scenarios: dict[str, Outcome]) -> dict[str, Any]:
    """A whole result, as bench.json holds it."""
    from benchmarks.result import FORMAT, scenario_record

    return {
        "format": FORMAT, "gatekeeper": "0.1.0", "started": "2026-11-25T10:00:00+00:00", "seconds": 80.0,
        "complete": True, "options": {"quick": False}, "machine": MACHINE, "warnings": [],
        "scenarios": {
            name: scenario_record(Scenario(name, f"about {name}", ()), contestants)
            for name, contestants in scenarios.items()
        },
        "profile": {}, "curves": {},
    }  # fmt: skip
