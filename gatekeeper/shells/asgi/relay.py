"""`<prefix>/to/<destination>/<vendor path>`: calls in, the vendor's answer or its stand-in out.

Plan, record, send, record, answer: the course of `gate/carry.py`. The only places a request can go are the policy's
own destinations, and there only the paths that a dialect knows; everything that is sent is rebuilt.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Final

from msgspec import structs

from gatekeeper.audit.lines import Line
from gatekeeper.delivery.direct import BUSY, DirectSender
from gatekeeper.delivery.permit import WITHHELD, Withheld
from gatekeeper.delivery.send import NO_ANSWER
from gatekeeper.errors import AuditError, DeliveryError, StorageError
from gatekeeper.gate import Gate
from gatekeeper.gate.batches import plan_request
from gatekeeper.gate.calls import CallPlan, limit_call, misdirected
from gatekeeper.gate.carry import (
    UNKNOWN,
    bounded,
    carry_async,
    course,
    crowded_out,
    decision_lines,
    permit_of,
    sweep_call,
    unrecorded,
)
from gatekeeper.gate.ports import Recorder
from gatekeeper.installation.forks import work
from gatekeeper.model import Answer, Call, Outgoing
from gatekeeper.model.reasons import INTERNAL, QUEUE_FULL, RATE_LIMITED
from gatekeeper.runtime.beside import Beside
from gatekeeper.runtime.limits import Limits, network
from gatekeeper.shells.asgi import TARGET, Header, Headers, Read, Reply, Scope, heads, problem_reply
from gatekeeper.shells.asgi.admission import NOT_LISTED, admission
from gatekeeper.shells.asgi.caller import identify
from gatekeeper.shells.asgi.received import BRIEF, received
from gatekeeper.shells.asgi.turns import Turns
from gatekeeper.shells.server.target import raw_path
from gatekeeper.signals import header_values
from gatekeeper.vendors.kind import Destination

_log = logging.getLogger("gatekeeper")
RETRY_AFTER: Final = (b"retry-after", b"5")
Carrying = tuple[CallPlan, Answer | None, str | None]


class Relay:
    """The endpoint, for any policy. One pool of connections for all calls of this process."""

    def __init__(self, recorder: Recorder, limits: Limits, beside: Beside) -> None:
        self._lines = Turns(recorder.append, leave=recorder.put)
        self._limits = limits
        self._beside = beside
        self._sender = DirectSender()
        self._coming: dict[tuple[str, bool], int] = {}  # calls by destination and class that are being recorded
        self._under_way: set[asyncio.Task[Carrying]] = set()
        self._failing: set[str] = set()  # destinations whose last call had no answer

    async def reply(self, gate: Gate, scope: Scope, headers: Headers, read: Read) -> Reply:
        """Answer one call by a gate's policy. Its path and query are looked at already (see `endpoints`).

        Raises what `read` raises: its body is too large or too slow.
        """
        policy = gate.policy
        caller = identify(scope, headers, gate)
        admitted = admission(scope["method"], headers, caller, policy.origins)
        if admitted is None:
            return NOT_LISTED
        allowed = admitted.cors
        if allowed:
            allowed = (*allowed, (b"access-control-expose-headers", b"Gatekeeper-Decision"))
        # As it came, not as it was decoded: what is handed on is exactly what was looked at.
        name, slash, rest = raw_path(scope).removeprefix(f"{policy.prefix}/to/".encode()).partition(b"/")
        to = policy.destinations.get(name.decode("latin-1"))
        if to is None:
            detail = "the path is <prefix>/to/<name in [destinations]>/<the vendor's path>"
            return problem_reply(404, "there is no such destination", detail=detail, headers=allowed)
        if scope["method"] == "OPTIONS":
            return Reply(204, b"", (*allowed, *heads.preflight(headers)))
        path, query = slash + rest or b"/", bytes(scope.get("query_string", b""))
        call = Call(
            method=scope["method"],
            path=path.decode("ascii"),
            query=query.decode("ascii"),
            headers=heads.own_kept_back(caller),
            body=await read(),
        )
        size = received(scope, headers, call.body)
        if self._limits.over("events", caller, gate.clock(), size=size) is not None:
            plan = limit_call(gate, to, call)
            gate.metrics.count_call(to.name, RATE_LIMITED)
            told = (*heads.known(plan.answer), heads.decision(plan), *allowed)
            return Reply(plan.answer.status, plan.answer.body, told)
        seen = heads.seen(caller)
        if admitted.foreign:
            seen = structs.replace(seen, foreign=True)

        def decide(*, brief: bool) -> tuple[CallPlan, list[Line]]:
            """The plan, and its lines."""
            with work:
                plan = plan_request(gate, to, call, seen, brief=brief)
                return bounded(gate, plan, call) if not caller.trusted else (plan, decision_lines(gate, plan))

        brief = size <= BRIEF and _is_plain(call)
        plan, written = await self._beside.decide(decide, lambda: network(caller), brief=brief)
        self._limits.more(caller, len(plan.plans) - 1, gate.clock())
        carrying = self._carry(gate, to, plan, written, ours=caller.trusted)
        try:
            if TARGET in scope.get("extensions", ()):  # our own server does not cancel what it has begun
                plan, answer, why = await carrying
            else:
                plan, answer, why = await self._shielded(carrying)
        except (AuditError, StorageError) as error:  # what the visitor refuses may still be queued: nothing was sent
            gate.metrics.refused("audit" if isinstance(error, AuditError) else "storage")
            return problem_reply(503, str(error), headers=(RETRY_AFTER, *allowed))
        decided: Headers = (heads.decision(plan), *allowed)
        if plan.reason == QUEUE_FULL:  # what it holds is kept nowhere: the SDK keeps it, and repeats
            return problem_reply(503, f"too many calls to {to.name} are under way", headers=(RETRY_AFTER, *decided))
        if answer is not None:
            return Reply(answer.status, answer.body, (*heads.known(answer), *decided))
        if why == BUSY:
            title = f"too many calls to {to.name} are under way"
            return problem_reply(503, title, headers=(RETRY_AFTER, *decided))
        if why is not None and why.endswith("timeout"):
            return problem_reply(504, f"{to.name} did not answer in time", headers=decided)
        return problem_reply(502, f"{to.name} could not be reached", detail=why, headers=decided)

    async def misdirected(self, gate: Gate, scope: Scope, fault: str) -> Header | None:
        """Record a call whose path has a fault; the header of its decision, `None` where it names no destination."""
        name = raw_path(scope).removeprefix(f"{gate.policy.prefix}/to/".encode()).partition(b"/")[0]
        to = gate.policy.destinations.get(name.decode("latin-1"))
        if to is None:
            return None
        plan = misdirected(gate, to, fault)
        try:
            await self._lines.wait(decision_lines(gate, plan))
        except AuditError:
            plan = unrecorded(plan)
        gate.metrics.count_call(to.name, plan.reason or INTERNAL)
        return heads.decision(plan)

    async def close(self) -> None:
        """Wait for what is under way (no longer than a call may take), then close the connections."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=self._sender.timeout)
        await self._sender.close()
        await asyncio.sleep(0)  # the last outcomes go over at the end of a turn

    async def _shielded(self, carrying: Coroutine[None, None, Carrying]) -> Carrying:
        """A caller who goes away, or a server that cancels, must not leave a call without its outcome."""
        work = asyncio.create_task(carrying)
        self._under_way.add(work)
        work.add_done_callback(self._under_way.discard)
        return await asyncio.shield(work)

    async def _carry(self, gate: Gate, to: Destination, plan: CallPlan, written: list[Line], *, ours: bool) -> Carrying:
        """The plan, the answer for the caller, and a short code where there is none."""
        table = gate.policy.file.delivery
        bounds, egress = (table.timeout, table.max_concurrent), gate.policy.egress

        async def record(plan: CallPlan) -> None:
            if plan.outgoing is not None:
                self._coming[to.name, ours] = coming + 1
            try:
                swept = sweep_call(gate, plan)
                if swept is not None:
                    await asyncio.wrap_future(swept)
                await self._lines.wait(written)
            finally:
                if plan.outgoing is not None:
                    self._coming[to.name, ours] -= 1

        async def send(outgoing: Outgoing) -> Answer:
            gate.metrics.count_call(to.name, "sent")
            try:
                permit = permit_of(gate, plan)
                answer = await self._sender.send(to.name, outgoing, bounds, permit, ours=ours, egress=egress)
                self._answers(to.name)
                return answer
            except DeliveryError as error:
                if str(error) == WITHHELD:
                    raise Withheld from None
                self._fails(to.name, str(error))
                raise
            except Exception as error:
                _log.error("sending a call to %s failed (%s)", to.name, type(error).__name__)
                raise DeliveryError(INTERNAL) from error

        coming = self._coming.get((to.name, ours), 0)
        if plan.outgoing is not None and not self._sender.room(to.name, bounds, ours=ours, coming=coming):
            plan = crowded_out(plan)
            written = decision_lines(gate, plan)
        try:
            plan, answer = await carry_async(course(gate, plan, _fate, self._lines.put), record, send)
        except DeliveryError as error:
            return plan, None, str(error)
        if plan.outgoing is None:
            gate.metrics.count_call(to.name, plan.reason or INTERNAL)
        return plan, answer, UNKNOWN  # of an answer that could not be read

    def _fails(self, name: str, why: str) -> None:
        """A call had no answer: said once, until the vendor answers again."""
        if name not in self._failing and why != BUSY:
            self._failing.add(name)
            _log.warning("calls to %s get no answer (%s)", name, why)

    def _answers(self, name: str) -> None:
        if name in self._failing:
            self._failing.discard(name)
            _log.warning("%s answers calls again", name)


def _is_plain(call: Call) -> bool:
    """Whether a call's body is what it seems, and does not grow: none, or JSON without a coding."""
    return call.body[:1] in (b"", b"{", b"[") and not header_values(call.headers, b"content-encoding")


def _fate(error: BaseException) -> str:
    """What the log says of a call without an answer: whether the vendor may have it (`unknown`) or cannot.

    One that was cancelled while it was under way the vendor may have, too.
    """
    why = str(error) if isinstance(error, DeliveryError) else UNKNOWN
    return UNKNOWN if why in NO_ANSWER else why
