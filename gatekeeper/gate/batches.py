"""The order for a batch of calls in one request: open it, plan each call separately, send the rest as one batch.

A batch's plan is a call's (`calls.py`): recorded, sent and finished in the same way. Only Meta's Graph API has
such batches. Where the app calls Graph itself, calls that are no tracking go on in the same request, as they came;
through `/gk/to/` each of those is what it is alone: `call_unreadable`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from msgspec import structs

from gatekeeper.gate import Gate, bounds
from gatekeeper.gate.calls import CallPlan, plan_call, refuse_call
from gatekeeper.model import Answer, Call, Caller, Fate, Outcome
from gatekeeper.model.reasons import INTERNAL, UNREADABLE_CALL
from gatekeeper.scrub.meter import Heavy, Meter
from gatekeeper.signals import header_values
from gatekeeper.vendors.dialect import Dialect, Kept, Native, Unreadable, origin
from gatekeeper.vendors.formats import coding
from gatekeeper.vendors.hosts import tracking
from gatekeeper.vendors.kind import Destination
from gatekeeper.vendors.meta import answers as graph_answer
from gatekeeper.vendors.meta import batch as graph_batch
from gatekeeper.vendors.meta import events as meta_capi
from gatekeeper.vendors.meta.batch import Batch, Entry

_log = logging.getLogger("gatekeeper")
_HOST: Final = "graph.facebook.com"
_NOTHING: Final = Answer(200, (("Content-Type", "application/json"),), b"[]")
Choose = Callable[[Call], Destination | None]


def plan_request(gate: Gate, to: Destination, call: Call, caller: Caller, *, brief: bool = False) -> CallPlan:
    """What would happen to a request for a destination: a call, or a batch of calls. Raises Heavy, as `plan_call`."""
    if to.kind.name != graph_batch.KIND or not graph_batch.opens(call.path):
        return plan_call(gate, to, call, caller, brief=brief)
    plan = plan_batch(gate, call, caller, to.name, choose=lambda _: to, passes=False, brief=brief)
    return plan_call(gate, to, call, caller, brief=brief) if plan is None else plan


def plan_batch(
    gate: Gate,
    call: Call,
    caller: Caller,
    name: str,
    *,
    choose: Choose,
    passes: bool,
    base: str = graph_batch.ORIGIN,
    brief: bool = False,
) -> CallPlan | None:
    """What would happen to a request at Graph's root; `None` if there is no batch in it, or nothing to judge.

    `choose` says whose destination a call is for, `name` what the audit calls it if it cannot be read. `passes`: calls
    that are no tracking go on. `base` is the origin that the app called.
    What cannot be read is blocked; raises Heavy where `brief`.
    """
    meter = bounds.brief_meter() if brief else bounds.meter(gate.policy.file.limits, bounds.received(call))
    try:
        batch = _read(call, gate.policy.file.server.max_body)
        if batch is None:
            return None
        judged = [not passes or _tracks(one.call.path) for one in batch.entries]
        if not any(judged):
            return None
        if batch.files and not all(judged):
            raise Unreadable("files of other calls cannot be kept apart")
        return _planned(gate, call, caller, name, choose, batch, judged, base, meter)
    except Heavy:
        raise
    except Unreadable:
        return refuse_call(gate, name, _NOTHING, UNREADABLE_CALL)
    except Exception as error:  # noqa: BLE001  # fail closed, whatever it is
        _log.error("the gate failed on a batch to %s (%s); it was blocked", name, type(error).__name__)
        return refuse_call(gate, name, _NOTHING, INTERNAL)


def holds_tracking(call: Call, limit: int) -> bool:
    """Whether a request at Graph's root may hold a tracking call; for where no gate can judge it."""
    try:
        batch = _read(call, limit)
    except Unreadable:
        return True
    return batch is not None and any(_tracks(one.call.path) for one in batch.entries)


def _read(call: Call, limit: int) -> Batch | None:
    coded = header_values(call.headers, b"content-encoding")
    return graph_batch.read(call, coding.decode(call.body, coded[-1].decode("latin-1") if coded else "", limit))


def _tracks(path: str) -> bool:
    """Whether a call of a batch is tracking; one whose last part comes out of another call's answer may be."""
    return bool(tracking(_HOST, path)) or "{" in path.rpartition("/")[2]


def _planned(
    gate: Gate, call: Call, caller: Caller, name: str, choose: Choose, batch: Batch, judged: Sequence[bool], base: str,
    meter: Meter,
) -> CallPlan:  # fmt: skip
    to: Destination | None = None
    parts: list[CallPlan | None] = []
    for entry, is_judged in zip(batch.entries, judged, strict=True):
        if is_judged:
            to = to or choose(entry.call)
        parts.append(_part(gate, to, entry, caller, name, meter) if is_judged else None)
    plans = [part for part in parts if part is not None]
    first = plans[0]
    kept = tuple(one for part in plans for one in _kept(part))
    opened = _Opened(batch, tuple(parts))
    left = []
    for entry, part in zip(batch.entries, parts, strict=True):
        if part is None:
            left.append(dict(entry.given))
        elif part.outgoing is not None:
            left.append(graph_batch.shaped(entry, part.outgoing))
    outgoing = None
    if left:
        there = base if to is None else origin(to, base)
        outgoing = graph_batch.write(batch, call.path, left, there)
    return CallPlan(
        first.to,
        tuple(one for part in plans for one in part.plans),
        outgoing,
        opened.accepted(Native(call, ())),
        None if outgoing is not None else first.reason,
        cast(Dialect, opened),
        Native(call, ()),
        kept,
        # Of parts that were decided one after the other, the first knows of the fewest withdrawals.
        min([part.decided for part in plans if part.decided is not None], default=None),
    )


def _part(gate: Gate, to: Destination | None, entry: Entry, caller: Caller, name: str, meter: Meter) -> CallPlan:
    if to is None:
        return refuse_call(gate, name, graph_answer.taken(0))
    part = plan_call(gate, to, entry.call, caller, meter=meter)
    if not entry.plain:
        part = refuse_call(gate, to.name, graph_answer.taken(0), UNREADABLE_CALL)
    if part.outgoing is None and not part.answer.body and _tracks(entry.call.path):
        return structs.replace(part, answer=graph_answer.taken(0))  # a tracking call that no dialect knows
    return part


def _kept(part: CallPlan) -> tuple[Kept | None, ...]:
    """One for each plan of a part, `None` for what is not sent."""
    return part.kept if part.outgoing is not None else (None,) * len(part.plans)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A batch as `finish_call` asks a dialect. `parts` has a plan for each call, `None` for one that passes."""

    batch: Batch
    parts: tuple[CallPlan | None, ...] = field(repr=False)

    def _sent(self) -> list[CallPlan | None]:
        return [part for part in self.parts if part is None or part.outgoing is not None]

    def accepted(self, native: Native) -> Answer:
        """The answer if nothing is sent; a call that is no tracking is told that it was not done."""
        failed = graph_batch.refused("The request was not sent: a decision about it could not be recorded.")
        return graph_batch.joined([failed if part is None else part.answer for part in self.parts], self.batch)

    def read_answer(self, answer: Answer, count: int) -> tuple[Outcome, ...]:
        """The fate of each element of each call that was sent."""
        sent = self._sent()
        told = graph_batch.answers(answer, len(sent))
        if told is None:
            if 200 <= answer.status < 300:
                return (Outcome(Fate.DEAD, "unknown"),) * count
            return meta_capi.read_answer(answer, count)
        found: list[Outcome] = []
        for part, one in zip(sent, told, strict=True):
            if part is None or part.dialect is None:
                continue
            elements = sum(kept is not None for kept in part.kept)
            found += (
                (Outcome(Fate.DEAD, "unknown"),) * elements if one is None else part.dialect.read_answer(one, elements)
            )
        return tuple(found)

    def relayed(self, answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer:
        """Graph's answers in the places of the calls; what was not sent is answered as if Meta had taken it."""
        told = graph_batch.answers(answer, len(self._sent()))
        if told is None:
            return graph_answer.relayed(answer, kept)
        left = iter(told)
        rows: list[Answer | None] = []
        for part in self.parts:
            if part is not None and part.outgoing is None:
                rows.append(part.answer)
                continue
            one = next(left)
            if part is None or one is None or part.dialect is None or part.native is None:
                rows.append(one)
            else:
                rows.append(part.dialect.relayed(one, part.native, part.kept))
        return graph_batch.joined(rows, self.batch)
