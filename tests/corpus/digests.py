"""What a gate makes of the requests of the corpus, as digests: every byte that leaves, is written or answered.

    python -m tests.corpus.digests 50000 > before      one line a request; the same in another tree, and `diff` them
    python -m tests.corpus.digests 300 > tests/corpus/expected.txt

Words that explain (why a rule gave what it gave, the source of a law) are left out: they change without a byte of it.

The clock moves by seven seconds a request, ids count; gates are warm: one per policy answers all requests.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from gatekeeper.errors import EventError
from gatekeeper.fields import CATALOGUE
from gatekeeper.gate import Gate, incoming
from gatekeeper.gate.batches import plan_request
from gatekeeper.gate.calls import CallPlan
from gatekeeper.gate.carry import decision_lines, finish_call
from gatekeeper.jurisdiction.place import Found
from gatekeeper.model import Answer
from gatekeeper.vendors.kind import Destination
from tests.builders import make_gate, make_policy
from tests.corpus.requests import NOW, PLACES, POLICIES, Request, policy_tables, request

_STEP = 7.0
_ANSWERS = (
    Answer(
        200, (("Content-Type", "application/json"),), b'{"events_received":1,"fbtrace_id":"A","code":0,"message":"OK"}'
    ),
    Answer(204),
    Answer(
        400, (("Content-Type", "application/json"),), b'{"error":{"code":190,"message":"data[0] is bad"},"code":40001}'
    ),
    Answer(500, (), b"oops"),
)
_CANONICAL = frozenset(row.key for row in CATALOGUE.by_key.values())


class Bench:
    """Gates of the policies, whose time and ids are those of the request that is under way."""

    def __init__(self) -> None:
        self.number = self.ids = 0
        self.gates = {name: self._gate(name) for name in POLICIES}

    def _gate(self, name: str) -> Gate:
        places = {address: Found(*place) for address, place in PLACES.items()}
        gate = make_gate(make_policy(**policy_tables(name)), lookup=places.get, clock=self._now)
        gate.new_id = self._id
        return gate

    def _now(self) -> float:
        return NOW + _STEP * self.number

    def _id(self, at: float) -> str:
        self.ids += 1
        return f"req_{self.number:06}{self.ids:04}"

    def told(self, number: int, asked: Request) -> list[Any]:
        """Everything that the gate says of a request."""
        self.number, self.ids = number, 0
        gate = self.gates[asked.policy]
        if asked.call is None:
            return _of_events(gate, asked)
        return _of_call(gate, _destination(gate, asked), asked, number)


def _destination(gate: Gate, asked: Request) -> Destination:
    to = gate.policy.destinations[asked.to]
    if asked.account is not None:
        key = {"ga4": "measurement_id", "meta_capi": "pixel_id", "tiktok": "pixel_code"}.get(to.kind.name)
        (dialect, *_) = gate.policy.dialects[to.kind.name]
        settings = {one.ACCOUNT: asked.account for one in gate.policy.dialects[to.kind.name] if one.ACCOUNT}
        to = replace(to, settings={**to.settings, **(settings or {key or dialect.ACCOUNT or "": asked.account})})
    if asked.wide:
        fields = {row.key for row in CATALOGUE.by_key.values() if to.purpose in row.purposes}
        to = replace(to, fields=frozenset(fields if to.kind.places is None else fields & to.kind.places))
    return to


def _of_call(gate: Gate, to: Destination, asked: Request, number: int) -> list[Any]:
    assert asked.call is not None
    plan = plan_request(gate, to, asked.call, asked.caller)
    told = [plan.outgoing and _fields(plan.outgoing), _fields(plan.answer), plan.reason, plan.header, plan.decided]
    told += [decision_lines(gate, plan), *map(_plan, plan.plans)]
    if plan.outgoing is not None:
        told.append(_answered(gate, plan, _ANSWERS[number % len(_ANSWERS)]))
    return told


def _answered(gate: Gate, plan: CallPlan, answer: Answer) -> list[Any]:
    put: list[Any] = []
    try:
        relayed = finish_call(gate, plan, answer, None, put.extend)
    except Exception as error:
        return [type(error).__name__]
    return [None if relayed is None else _fields(relayed), put]


def _plan(plan: Any) -> list[Any]:
    return [
        [plan.request_id, plan.at, plan.subjects, plan.left, plan.known],
        [plan.event.name, plan.event.id, plan.event.time],
        [*map(str, plan.event.data.items()), plan.event.unusable, plan.event.names, plan.inputs],
        [plan.place.country, plan.place.region, plan.place.how, [law.id for law in plan.place.laws]],
        [[one.destination, one.verdict, one.reason, str(one.kept), one.stripped, one.derived, one.scrubbed, one.native,
          one.basis, one.legal_basis, [step[:2] for step in one.steps]] for one in plan.decisions],
    ]  # fmt: skip


def _of_events(gate: Gate, asked: Request) -> list[Any]:
    try:
        posted = incoming.parse(asked.body)
        arrivals = gate.arrivals(posted, asked.caller, received=max(len(asked.body), 4_096))
    except EventError as error:
        return [error.status, error.title, error.field, error.detail]
    plans = [gate.plan(one, asked.caller, at=gate.now(), request_id="req_x") for one in posted]
    return [arrivals, *map(_plan, plans), [sorted((k, v.head, v.body) for k, v in one.shaped.items()) for one in plans]]


def _fields(struct: Any) -> list[Any]:
    return [getattr(struct, name) for name in struct.__struct_fields__]


def _plain(one: Any) -> Any:
    """Sets in an order, structs with all their fields: the same text in every process."""
    if isinstance(one, (frozenset, set)):
        return sorted(map(str, one))
    if hasattr(one, "__struct_fields__"):
        return [_plain(inner) for inner in _fields(one)]
    if isinstance(one, dict):
        return [(key, _plain(inner)) for key, inner in one.items()]
    if isinstance(one, (list, tuple)):
        return [_plain(inner) for inner in one]
    return repr(one)


def digest(told: Sequence[Any]) -> str:
    """A digest of what was said of a request."""
    return blake2b(repr(_plain(told)).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def digests(
    count: int, bench: Bench | None = None, told: Callable[[list[Any]], object] = lambda told: None
) -> Iterator[str]:
    """The digests of the first so many requests."""
    bench = bench or Bench()
    for number in range(count):
        said = bench.told(number, request(number))
        told(said)
        yield digest(said)


if __name__ == "__main__":
    for line in digests(int(sys.argv[1])):
        print(line)
