"""A loopback port that real SDKs post to, whose calls are answered by the gate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gatekeeper.gate import Gate
from gatekeeper.gate.calls import CallPlan, plan_call
from gatekeeper.gate.carry import finish_call, record_call
from gatekeeper.model import Answer, Call, Caller, Outgoing
from tests.answering import answering


class Listening:
    """What came in and what went out."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: list[Call] = []
        self.sent: list[Outgoing] = []
        self.reasons: list[str | None] = []
        self.plans: list[CallPlan] = []


@contextmanager
def listening(gate: Gate, vendor: Callable[[Outgoing], Answer]) -> Iterator[Listening]:
    """A gate's own port. `vendor` answers what is sent."""
    here = Listening()

    def by_the_gate(call: Call) -> Answer:
        token = dict(call.headers).get(b"gatekeeper-context")
        visitor = None if token is None else gate.visitor(token.decode(), gate.clock())
        made = plan_call(gate, gate.policy.destinations["it"], call, Caller(call.headers, visitor=visitor))
        here.calls.append(call)
        here.reasons.append(made.reason)
        here.plans.append(made)
        record_call(gate, made).result()
        if made.outgoing is None:
            return made.answer
        here.sent.append(made.outgoing)
        answer = finish_call(gate, made, vendor(made.outgoing))
        assert answer is not None
        return answer

    with answering(by_the_gate) as here.url:
        yield here
