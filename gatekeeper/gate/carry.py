"""The course of a call that was planned, written once: record → send → finish.

    carried = carry(course(gate, plan, why), record, send)                  a client that waits
    carried = await carry_async(course(gate, plan, why), record, send)      a client on an event loop

`course` acts on nothing but the log of outcomes; it yields what is to be done. The plan is to be recorded: what its
visitors refuse is ended, and its decision lines are durable, before anything is sent. The request is to be sent. What
came of either is given back to it, exceptions too.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Future
from functools import partial
from typing import Any, Final, NamedTuple

from msgspec import structs

from gatekeeper import notices
from gatekeeper.audit import lines
from gatekeeper.audit.segments import Head
from gatekeeper.delivery.permit import Permit, Withheld, permit_for
from gatekeeper.errors import AuditError
from gatekeeper.gate import Gate, bounds
from gatekeeper.gate.calls import CallPlan, blocked
from gatekeeper.gate.refusals import merged, then_swept
from gatekeeper.gate.settle import full
from gatekeeper.installation.forks import work
from gatekeeper.model import Answer, Call, Fate, Outgoing, Verdict
from gatekeeper.model.reasons import AUDIT, QUEUE_FULL, UNREADABLE_CALL, WITHDRAWN

_log = logging.getLogger("gatekeeper")
_DELIVERED: Final = Fate.DELIVERED  # looked up once: an enum's member costs as much as a call
UNKNOWN: Final = "unknown"  # of a fate: the vendor may have the call, or not
Put = Callable[[list[lines.Line]], object]


class Carried(NamedTuple):
    """A call at its end: the plan that came true, and the answer for the caller; `None` if it cannot be told."""

    plan: CallPlan
    answer: Answer | None


Course = Generator[CallPlan | Outgoing, Any, Carried]


def course(gate: Gate, plan: CallPlan, why: Callable[[BaseException], str], put: Put | None = None) -> Course:
    """Yield the plan, to be recorded; then the request, to be sent, if there is one. Wants the vendor's answer of it.

    An AuditError of the record means: nothing is sent. What sending raises is recorded with the short code that `why`
    finds for it, and raised again; Withheld means that what the call needs was withdrawn before its first byte. `put`
    takes the outcome lines in place of the gate's recorder.
    """
    try:
        yield plan
        notices.of_call(plan.plans)
    except AuditError:
        plan = unrecorded(plan)
    if plan.outgoing is None:
        return Carried(plan, plan.answer)
    try:
        answer: Answer = yield plan.outgoing
    except Withheld:
        _finished(gate, plan, None, WITHDRAWN, put)
        return Carried(structs.replace(plan, outgoing=None, reason=WITHDRAWN), plan.answer)
    except BaseException as error:
        _finished(gate, plan, None, why(error), put)
        raise
    return Carried(plan, _finished(gate, plan, answer, None, put))


def carry(steps: Course, record: Callable[[CallPlan], object], send: Callable[[Outgoing], Answer]) -> Carried:
    """Take the steps of a course; `record` and `send` raise what `course` says."""
    try:
        step = next(steps)
        while True:
            try:
                result = record(step) if isinstance(step, CallPlan) else send(step)
            except BaseException as error:  # noqa: BLE001  # the course raises it again
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # a Carried: StopIteration has no type for it


async def carry_async(
    steps: Course, record: Callable[[CallPlan], Awaitable[object]], send: Callable[[Outgoing], Awaitable[Answer]]
) -> Carried:
    """Take the steps of a course on an event loop."""
    try:
        step = next(steps)
        while True:
            try:
                result = await (record(step) if isinstance(step, CallPlan) else send(step))
            except BaseException as error:  # noqa: BLE001  # the course raises it again
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # a Carried: StopIteration has no type for it


def _finished(gate: Gate, plan: CallPlan, answer: Answer | None, why: str | None, put: Put | None) -> Answer | None:
    """The answer as the caller may see it. An answer that cannot be read is no answer: its outcome is `unknown`."""
    try:
        return finish_call(gate, plan, answer, why, put)
    except Exception as error:  # noqa: BLE001  # the call was sent, and its outcome is recorded
        _log.error("the answer of %s could not be read (%s)", plan.to.name, type(error).__name__)
    try:
        return finish_call(gate, plan, None, UNKNOWN, put)
    except Exception as error:  # noqa: BLE001  # it was sent: only its outcome is not known
        _log.error("the outcome of a call to %s was lost (%s)", plan.to.name, type(error).__name__)
        return None


def permit_of(gate: Gate, plan: CallPlan) -> Permit | None:
    """What is to be asked before the first byte of a call."""
    return permit_for(gate.barrier, plan.subjects, plan.to.name, plan.decided)


@work
def record_call(gate: Gate, plan: CallPlan) -> Future[Head | None]:
    """End what the call's visitors refuse of what is queued, and make the decision lines durable.

    The future fails with AuditError or StorageError; then nothing may be sent.
    """
    swept = sweep_call(gate, plan)
    written = gate.recorder.append(decision_lines(gate, plan))
    return written if swept is None else then_swept(written, lambda: swept)


def sweep_call(gate: Gate, plan: CallPlan) -> Future[int] | None:
    """End what the visitors of a call's elements take back of what is queued; `None` where nothing of it is."""
    # Any sender can claim when an element of a call happened: what its visitor refuses, they refuse now.
    refused = merged([gate.refusal_of(one, one.at) for one in plan.plans])
    return gate.refusals.sweep(refused) if refused else None


@work
def bounded(gate: Gate, plan: CallPlan, call: Call) -> tuple[CallPlan, list[lines.Line]]:
    """The plan of a call that came over the wire, and its lines: none that are large beside what was received of it."""
    written = decision_lines(gate, plan)
    if bounds.too_much(bounds.growth(written, ()), partial(bounds.received, call)):
        why = "its record would be too large for so small a call"
        plan = blocked(gate, plan.to, gate.now(), UNREADABLE_CALL, why, plan.answer)
        written = decision_lines(gate, plan)
    return plan, written


def decision_lines(gate: Gate, plan: CallPlan) -> list[lines.Line]:
    """A call's decision lines, to be recorded before anything is sent; which ids leave by it is remembered."""
    if plan.outgoing is not None:
        gate.remember(plan.plans)
    return [line for _, line in gate.lines.lines(plan.plans) if line is not None]


def unrecorded(plan: CallPlan) -> CallPlan:
    """The plan for a call whose decision could not be recorded: nothing is sent, the SDK gets its answer."""
    return structs.replace(plan, outgoing=None, reason=AUDIT)


def crowded_out(plan: CallPlan) -> CallPlan:
    """The plan for a call that is permitted, to a destination to which too many calls are under way already."""
    plans = []
    for one in plan.plans:
        decisions = [to if to.verdict is Verdict.BLOCK else full(to) for to in one.decisions]
        plans.append(structs.replace(one, decisions=tuple(decisions)))
    return structs.replace(plan, plans=tuple(plans), outgoing=None, reason=QUEUE_FULL)


@work
def finish_call(
    gate: Gate,
    plan: CallPlan,
    answer: Answer | None,
    why: str | None = None,
    record: Put | None = None,
) -> Answer | None:
    """Record what became of a call that was sent; the answer as the caller may see it, `None` if there is none.

    `answer` is the vendor's; `None` where there was none, with a short code in `why`. `record` takes the outcome
    lines in place of the gate's recorder.
    """
    if plan.dialect is None or plan.native is None:
        return answer
    ids = [one.request_id for one, kept in zip(plan.plans, plan.kept, strict=True) if kept is not None]
    grouped: dict[tuple[str, str | None], list[str]] = {}
    if answer is not None:
        for one, request_id in zip(plan.dialect.read_answer(answer, len(ids)), ids, strict=True):
            end = "delivered" if one.fate is _DELIVERED else "failed", one.why
            grouped.setdefault(end, []).append(request_id)
    elif ids:
        grouped["cancelled" if why == WITHDRAWN else "failed", why or UNKNOWN] = ids
    at = gate.clock()
    (record or gate.recorder.put)(
        [
            lines.outcome_line(
                at=at, destination=plan.to.name, request_ids=group, status=status, why=reason, attempts=1
            )
            for (status, reason), group in grouped.items()
        ]
    )
    return None if answer is None else plan.dialect.relayed(answer, plan.native, plan.kept)
