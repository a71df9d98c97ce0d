"""A run: each scenario's contestants opened together, checked, warmed up, then measured in turn, round by round."""

from __future__ import annotations

import contextlib
import gc
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .cpu import CannotMeasureError, memory_mb
from .histogram import Histogram
from .load import Load
from .machine import cores
from .measure import Window, calls_for, in_process, one_by_one, window
from .options import Options
from .process import Process, vendor
from .shape import AbsentError, CheckError, Contestant, InProcess, Outcome, Repeat, Scenario, Served, Stage

Tell = Callable[[str, float], None]  # what is being done, and how much of the scenario is behind us
_COMPILING = 5  # node's first thousands of requests cost six times what the later ones do
HURRIED = "not part of --quick"
_BEYOND = 0.9  # of a core: a load generator this busy was the limit, not the server


@dataclass(slots=True)
class Opened:
    """A contestant at work."""

    contestant: Contestant
    outcome: Outcome
    repeat: Repeat | None = None
    calls: int = 1
    process: Process | None = None
    most: int | None = None  # requests of one window, so that a slow contestant does not run for minutes
    histogram: Histogram = field(default_factory=Histogram)


@contextlib.contextmanager
def stage(scenario: Scenario) -> Iterator[Stage]:
    """A folder, the cores and, if needed, the mock vendor."""
    usable = cores()
    core, load_core = (usable[0], usable[-1]) if len(usable) > 1 else (None, None)
    with contextlib.ExitStack() as stack:
        # Ignoring errors: a contestant that ends may still write its last lines.
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="gatekeeper-bench-", ignore_cleanup_errors=True))
        )
        folder.chmod(0o755)
        server = stack.enter_context(vendor(folder, load_core)) if scenario.needs_vendor else None
        yield Stage(folder, core, load_core, server)


def run_scenario(scenario: Scenario, options: Options, tell: Tell, outcomes: dict[str, Outcome]) -> None:
    """Measure a scenario into `outcomes`, which keeps what there is if this is interrupted."""
    with stage(scenario) as at, contextlib.ExitStack() as stack:
        opened = [
            one for contestant in scenario.contestants if (one := _open(contestant, at, stack, options, outcomes, tell))
        ]
        gc.collect()
        for number in range(options.rounds):
            turn = number % max(1, len(opened))
            for place, one in enumerate(opened[turn:] + opened[:turn]):
                tell(one.contestant.name, (number + place / len(opened)) / options.rounds)
                with _failing(one.outcome):
                    _round(one, at, scenario, options, number)
        for one in opened:
            _finish(one, scenario)
    _subtract(scenario, outcomes)


def _open(
    contestant: Contestant, at: Stage, stack: contextlib.ExitStack, options: Options, outcomes: dict[str, Outcome],
    tell: Tell,
) -> Opened | None:  # fmt: skip
    tell(f"{contestant.name}: starting", 0.0)
    outcome = outcomes[contestant.name] = Outcome(note=contestant.note)
    if (lacking := contestant.missing()) is not None:
        outcome.status, outcome.why = "skipped", lacking
        return None
    if contestant.thorough and options.quick:
        outcome.status, outcome.why = "skipped", HURRIED
        return None
    with _failing(outcome):
        if isinstance(contestant, InProcess):
            repeat = stack.enter_context(contestant.open(at))
            calls = calls_for(repeat, options.micro_seconds, contestant.step)
            return Opened(contestant, outcome, repeat=repeat, calls=calls)
        process = stack.enter_context(contestant.start(at))
        contestant.check(process, at)
        rate = warm_up(contestant, process, at, options)
        most = max(64, round(3 * rate * options.seconds)) if contestant.events else None
        return Opened(contestant, outcome, process=process, most=most)
    return None


def warm_up(contestant: Served, process: Process, at: Stage, options: Options) -> float:
    """Load that does not count; how many requests a second were dealt with, deliveries included."""
    seconds = options.warm_seconds * (_COMPILING if contestant.compiling else 1)
    load = Load(
        process.port, tuple(contestant.requests()), options.connections, seconds, core=at.load_core, ports=process.ports
    )
    found = window(contestant, process, at, load)
    return found.sent.answered / found.seconds


def _round(one: Opened, at: Stage, scenario: Scenario, options: Options, number: int) -> None:
    contestant = one.contestant
    if isinstance(contestant, InProcess):
        assert one.repeat is not None
        one.outcome.metric("cpu_us", "µs").rounds.append(in_process(one.repeat, one.calls))
        if contestant.timed:
            took = one_by_one(one.repeat, one.calls)
            one.histogram.merge(took)
            one.outcome.metric("p50_ms", "ms").rounds.append(took.percentile(50) / 1000)
        return
    assert one.process is not None
    load = Load(
        one.process.port, tuple(contestant.requests()), options.connections, options.seconds,
        core=at.load_core, most=one.most, ports=one.process.ports,
    )  # fmt: skip
    _closed(one.outcome, window(contestant, one.process, at, load, options.tries), contestant)
    if number < options.paced_rounds:
        paced = Load(
            load.port, load.requests, load.connections, options.paced_seconds, rate=scenario.rate, core=at.load_core,
            ports=load.ports,
        )  # fmt: skip
        found = window(contestant, one.process, at, paced, options.tries)
        one.histogram.merge(found.sent.histogram)
        for name, unit, value in (
            ("p99_ms", "ms", found.sent.histogram.percentile(99) / 1000), ("paced_us", "µs", found.cpu_us),
        ):  # fmt: skip
            metric = one.outcome.metric(name, unit)
            metric.rounds.append(value)
            metric.unclean += not found.clean
        unsent = one.outcome.latency or {"unsent": 0}
        one.outcome.latency = {"unsent": int(str(unsent["unsent"])) + found.sent.unsent}
    if number == 0:
        one.outcome.memory_mb = memory_mb(one.process.pid)


def _closed(outcome: Outcome, found: Window, contestant: Served) -> None:
    refused = sum(count for status, count in found.sent.statuses.items() if status >= 400)
    if found.sent.answered == 0:
        raise CheckError(f"no request was answered ({found.sent.errors} connections failed, {refused} refused)")
    if refused:
        outcome.metric("refused", "requests").rounds.append(refused)
    if found.arrived is not None and found.arrived < found.sent.answered * contestant.events:
        lost = found.sent.answered * contestant.events - found.arrived
        outcome.metric("lost", "events").rounds.append(lost)
    for name, unit, value in (
        ("cpu_us", "µs", found.cpu_us),
        ("per_second", "req/s", found.sent.answered / found.sent.seconds),
    ):
        metric = outcome.metric(name, unit, "lower" if name == "cpu_us" else "higher")
        metric.rounds.append(value)
        metric.unclean += not found.clean
    if found.servers_us is not None:
        outcome.metric("servers_us", "µs").rounds.append(found.servers_us)
    if contestant.events:
        outcome.metric("delivered_per_second", "req/s", "higher").rounds.append(found.sent.answered / found.seconds)
    if found.sent.cpu_seconds > _BEYOND * found.sent.seconds:
        outcome.why = "the load generator was at its limit: more requests a second are possible"


def _finish(one: Opened, scenario: Scenario) -> None:
    if one.histogram.count:
        told: dict[str, object] = dict(one.outcome.latency or {})
        if isinstance(one.contestant, Served):
            told["rate"] = scenario.rate
        told |= {"pairs": one.histogram.pairs(), **one.histogram.summary()}
        one.outcome.latency = told


def _subtract(scenario: Scenario, outcomes: dict[str, Outcome]) -> None:
    """What a contestant adds to the one it is measured against, round by round."""
    for contestant in scenario.contestants:
        other = outcomes.get(contestant.against or "")
        mine = outcomes.get(contestant.name)
        if other is None or mine is None or "cpu_us" not in mine.metrics or "cpu_us" not in other.metrics:
            continue
        pairs = zip(mine.metrics["cpu_us"].rounds, other.metrics["cpu_us"].rounds, strict=False)
        mine.metric("added_us", "µs").rounds = [after - before for after, before in pairs]


@contextlib.contextmanager
def _failing(outcome: Outcome) -> Iterator[None]:
    """One contestant's failure is said in its row; the run goes on."""
    try:
        yield
    except AbsentError as error:
        outcome.status, outcome.why = "skipped", f"not in this build: {error}"
    except CheckError as error:
        outcome.status, outcome.why = "refused", str(error)
    except CannotMeasureError as error:
        outcome.status, outcome.why = "failed", str(error)
    except Exception as error:  # noqa: BLE001  # whatever a contestant does, the others are measured
        outcome.status, outcome.why = "failed", f"{type(error).__name__}: {error}"
