"""A call on its way out of the app's own HTTP client: found, judged, recorded; then sent by that client, or answered.

    match = watch(scheme, host, port, path)       None for everything that is not tracking: one look-up
    call = match.judge(method, path, query, headers, body)
    answer = call.carry(send)                     or `await call.carry_async(send)`; the answer for the app

The course of a call (record, send, record) is the sidecar's (`gatekeeper.gate.carry`); `send` is the client's own way
to send an `Outgoing`, which is not caught a second time. It is not called where nothing may be sent.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from msgspec import structs

from gatekeeper import context, notices
from gatekeeper.delivery.permit import Permit
from gatekeeper.errors import AuditError
from gatekeeper.gate import Gate, batches
from gatekeeper.gate.calls import CallPlan, plan_call, refuse_call
from gatekeeper.gate.carry import (
    Carried,
    carry,
    carry_async,
    course,
    decision_lines,
    permit_of,
    record_call,
    sweep_call,
)
from gatekeeper.model import Answer, Call, Caller, Outgoing
from gatekeeper.model.reasons import UNREADABLE_CALL
from gatekeeper.outbound import unlisted
from gatekeeper.outbound.marks import sending
from gatekeeper.outbound.reading import failure
from gatekeeper.outbound.routes import PORTS, Routes, Rule
from gatekeeper.signals import header_values
from gatekeeper.signals.context import HEADER
from gatekeeper.vendors.kind import Destination
from gatekeeper.vendors.meta import batch

_log = logging.getLogger("gatekeeper")
_WAIT: Final = 30.0  # seconds for the audit line; then the call is not sent
DECISION: Final = "Gatekeeper-Decision"
_DEFAULT_LIMIT: Final = 2**20
# A client's own framing: not the call's.
_FRAMING_OF_REQUESTS: Final = frozenset({"content-length", "transfer-encoding", "connection", "host", "keep-alive"})
_routes: WeakKeyDictionary[Gate, Routes] = WeakKeyDictionary()  # each as long as its gate


@cache
def _without_a_gate() -> Routes:
    return Routes(None)


def _of(gate: Gate) -> Routes:
    found = _routes.get(gate)
    if found is None:
        found = _routes[gate] = Routes(gate.policy)
    return found


def watch(
    scheme: str, host: str, port: int | None, path: str, *, again: bool = False, below: bool = False
) -> Match | None:
    """Whether a URL is tracking, or may be and is not let through unseen; `None` if not. Costs a look-up by host.

    `again`: this client asks about the same request once more, and counts it then. `below`: a client below counts what
    passes here.
    """
    here = context.working()
    gate = None if here is None else here.gate
    routes = _without_a_gate() if gate is None else _of(gate)
    rule = routes.find(scheme, host, port, path)
    if rule is None:
        if gate is None or routes.lists(host):
            return None
        mode = gate.policy.file.outbound.unknown
        if again or below:
            if mode != "block" or unlisted.is_own(host):
                return None
            if below:
                unlisted.called(host, mode)
        elif not unlisted.called(host, mode):
            return None
        # A host's name may be about a person: the audit gets another one.
        return Match(Rule(unlisted.NAME, ()), here, unlisted.NAME, "")
    return Match(rule, here, host, f"{scheme}://{host}" + (f":{port}" if port and port != PORTS.get(scheme) else ""))


def judges(url: str) -> bool:
    """Whether calls to a URL are judged in this process; elsewhere the mark of a visitor has no business."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    here = context.working()
    routes = _without_a_gate() if here is None else _of(here.gate)
    return routes.find(parts.scheme, parts.hostname or "", port, parts.path) is not None


@dataclass(frozen=True, slots=True)
class Match:
    """A URL that is tracking, in a gate; `here` is `None` where no gate runs in this process."""

    rule: Rule
    here: context.Here | None
    host: str
    origin: str  # that the app called

    @property
    def limit(self) -> int:
        """The largest body worth reading; larger ones are blocked."""
        return _DEFAULT_LIMIT if self.here is None else self.here.gate.policy.file.server.max_body

    def judge(self, method: str, path: str, query: str, headers: Iterable[tuple[str, str]], body: bytes) -> Intercepted:
        """Decide on the call. Fails closed: what goes wrong in here is a call that is not sent."""
        gate = None if self.here is None else self.here.gate
        try:
            given = [(name, value) for name, value in headers if name.lower() not in _FRAMING_OF_REQUESTS]
            named = tuple((name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in given)
            call = Call(method.upper(), self.rule.rest(path), query, named, body)
            plan = self._plan(call)
            if plan is None:  # as it came: a request at a root that is no batch, or none of tracking calls
                url = f"{self.origin}{path}" + (f"?{query}" if query else "")
                return Intercepted(None, None, self.rule.answer, Outgoing(method, url, tuple(given), body))
        except _NoGate:
            sentence = "a call to %s was blocked: no gate runs in this process; call gatekeeper.start()"
            notices.once(("no gate", self.host), sentence, self.host, level=logging.ERROR)
            return Intercepted(None, None, self.rule.answer)
        except Exception as error:  # noqa: BLE001  # the host's request must not fail for a tracking call
            _log.error("the gate failed on a call to %s (%s); it was blocked", self.host, type(error).__name__)
            return Intercepted(None, None, self.rule.answer)
        return Intercepted(gate, plan, plan.answer)

    def _plan(self, call: Call) -> CallPlan | None:
        """What would happen to the call; `None`: it is no tracking. Raises _NoGate where no gate can decide."""
        row, candidates = self.rule.row, self.rule.candidates
        kinds = {row.kind} if row is not None else {to.kind.name for to in candidates}
        batched = batch.KIND in kinds and batch.opens(call.path)
        too_large = len(call.body) > self.limit
        if self.here is None:
            if batched and not too_large and not batches.holds_tracking(call, self.limit):
                return None
            raise _NoGate
        gate, here = self.here.gate, self.here
        to = None if batched else self.rule.pick(call, self.limit)
        if to is None and not batched:
            return refuse_call(gate, self.host, self.rule.answer)
        if too_large:
            name = self.host if to is None else to.name
            return refuse_call(gate, name, self.rule.answer, UNREADABLE_CALL)
        tokens = set(header_values(call.headers, HEADER))
        if tokens:  # the call says itself whose it is
            token = tokens.pop() if len(tokens) == 1 else b""
            caller = Caller(visitor=gate.visitor(token.decode("latin-1"), gate.clock()))
        else:
            caller = here.caller()
        if to is not None:
            return plan_call(gate, to, call, caller)
        name = candidates[0].name if candidates else self.host
        plan = batches.plan_batch(
            gate, call, caller, name, choose=self._choose, passes=row is not None, base=self.origin
        )
        if plan is None and row is None:  # an endpoint of the policy: nothing passes there unread
            return plan_call(gate, candidates[0], call, caller)
        return plan

    def _choose(self, call: Call) -> Destination | None:
        return self.rule.pick(call, self.limit)


class _NoGate(Exception):  # noqa: N818  # a finding: no gate runs here that could decide
    pass


class Intercepted:
    """One call that was judged. `passes` is the request itself where it turned out to be no tracking."""

    __slots__ = ("_answer", "_gate", "_passes", "_plan")

    def __init__(
        self, gate: Gate | None, plan: CallPlan | None, answer: Answer, passes: Outgoing | None = None
    ) -> None:
        self._gate = gate
        self._plan = plan
        self._passes = passes
        self._answer = answer

    def carry(self, send: Callable[[Outgoing], Answer], within: object = None) -> Answer:
        """Record the decision, send what is left of the call, record what came of it; the answer as the app may see it.

        `within`: the seconds that the app gave the call, if it did; the log gets no more of them. `send` is the
        app's own client. What it raises is recorded and raised again; nothing else is.
        """

        def sent(outgoing: Outgoing) -> Answer:
            with sending(outgoing, self._permit()):
                return send(outgoing)

        if self._gate is None or self._plan is None:
            return self._answer if self._passes is None else sent(self._passes)
        gate = self._gate

        def record(plan: CallPlan) -> None:
            with _recording(plan):
                written = _recorded(gate, plan)
                if written is not None:
                    written.result(_patience(within))

        return _told(carry(course(gate, self._plan, failure), record, sent), self._answer)

    def _permit(self) -> Permit | None:
        """What is asked before the first byte; `None` for what is no tracking."""
        return None if self._gate is None or self._plan is None else permit_of(self._gate, self._plan)

    async def carry_async(self, send: Callable[[Outgoing], Awaitable[Answer]], within: object = None) -> Answer:
        """The same, without holding up the event loop."""

        async def _sent(outgoing: Outgoing) -> Answer:
            with sending(outgoing, self._permit()):
                return await send(outgoing)

        if self._gate is None or self._plan is None:
            return self._answer if self._passes is None else await _sent(self._passes)
        gate = self._gate

        async def _record(plan: CallPlan) -> None:
            with _recording(plan):
                written = _recorded(gate, plan)
                if written is not None:
                    await _waited(written, _patience(within))

        return _told(await carry_async(course(gate, self._plan, failure), _record, _sent), self._answer)


def _told(carried: Carried, otherwise: Answer) -> Answer:
    """The answer for the app, with the decision in its head, as the sidecar's answers have it."""
    answer = carried.answer or otherwise
    head = [(name, value) for name, value in answer.headers if name.lower() != DECISION.lower()]
    return structs.replace(answer, headers=(*head, (DECISION, carried.plan.header)))


def _recorded(gate: Gate, plan: CallPlan) -> Future[Any] | None:
    """What to wait for: the log where the call is sent, and what its visitor takes back of the queue."""
    if plan.outgoing is not None:
        return record_call(gate, plan)
    swept = sweep_call(gate, plan)
    gate.recorder.append(decision_lines(gate, plan))
    return swept


async def _waited(written: Future[Any], seconds: float) -> None:
    """Wait for the log without holding up the loop, asyncio's or trio's. Raises what the log does, or TimeoutError."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        trio = sys.modules.get("trio")
        if trio is None:
            _log.error("a call by neither asyncio nor trio cannot wait for the audit log; use one of them")
            raise
        # In a thread: trio cannot wait for it.
        await trio.to_thread.run_sync(written.result, seconds, abandon_on_cancel=True)
    else:
        await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(written)), seconds)


def _patience(within: object) -> float:
    """Seconds to wait for the log: no more than the app gave the whole call."""
    return min(_WAIT, float(within)) if isinstance(within, (int, float)) and within > 0 else _WAIT


@contextmanager
def _recording(plan: CallPlan) -> Iterator[None]:
    """Whatever keeps a decision from the disk: the call is not sent, and the app's client hears nothing of it."""
    try:
        yield
    except Exception as error:
        _log.error("a call to %s could not be recorded (%s); not sent", plan.to.name, type(error).__name__)
        raise AuditError("the decision could not be recorded") from error
