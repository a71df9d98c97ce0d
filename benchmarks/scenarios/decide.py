"""The pure core on one event: parse, read, locate, resolve, decide, scrub, shape, and the audit line's text."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

import orjson

from gatekeeper.gate import Gate, incoming
from gatekeeper.model import Caller, Verdict

from .. import gates, samples
from ..shape import CheckError, InProcess, Repeat, Scenario, Stage

CALLER = Caller(
    headers=tuple((name.encode(), value.encode()) for name, value in samples.browser_headers().items()),
    address="193.99.144.80",
)


def repeat(call: Callable[[], object]) -> Repeat:
    """A function that calls it n times."""

    def calls(n: int) -> None:
        for _ in range(n):
            call()

    return calls


def planned(gate: Gate, *, granted: bool = True) -> Callable[[], object]:
    """Deciding about the purchase at every destination."""
    (posted,) = incoming.parse(orjson.dumps(samples.event(granted=granted)))
    return lambda: gate.plan(posted, CALLER, at=gates.NOW, request_id="req_bench")


@contextlib.contextmanager
def _plan(destinations: tuple[str, ...], granted: bool, stage: Stage) -> Iterator[Repeat]:
    gate = gates.gate(destinations)
    (posted,) = incoming.parse(orjson.dumps(samples.event(granted=granted)))
    plan = gate.plan(posted, CALLER, at=gates.NOW, request_id="req_bench")
    sent = {decision.destination for decision in plan.decisions if decision.verdict is not Verdict.BLOCK}
    if sent != (set(destinations) if granted else set()):
        raise CheckError(f"sent to {sorted(sent)}")
    if any(samples.STRIPPED.encode() in shaped.body for shaped in plan.shaped.values()):
        raise CheckError("a stripped field was shaped")
    yield repeat(planned(gate, granted=granted))


@contextlib.contextmanager
def _parse(stage: Stage) -> Iterator[Repeat]:
    body = orjson.dumps(samples.event())
    yield repeat(lambda: incoming.parse(body))


@contextlib.contextmanager
def _line(stage: Stage) -> Iterator[Repeat]:
    gate = gates.gate()
    plan = gate.plan(incoming.parse(orjson.dumps(samples.event()))[0], CALLER, at=gates.NOW, request_id="req_bench")
    yield repeat(lambda: gate.lines.line(plan))


SCENARIO = Scenario(
    "decide",
    "the pure core, one purchase",
    (
        InProcess("parse the body", _parse),
        InProcess("plan, four destinations", partial(_plan, samples.DESTINATIONS, True), "read to shape"),
        InProcess("plan, GA4 alone", partial(_plan, ("ga4",), True)),
        InProcess("plan, four, all refused", partial(_plan, samples.DESTINATIONS, False)),
        InProcess("decision line", _line, "the audit line's text, not yet on disk"),
    ),
)
