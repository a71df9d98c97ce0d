"""What tests of calls are made of: a gate with one destination, a visitor, and a request as an SDK would send it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from msgspec import structs

from gatekeeper.gate import Gate
from gatekeeper.gate.calls import CallPlan, plan_call
from gatekeeper.model import Answer, Call, Caller, Outgoing
from gatekeeper.vendors.formats import coding
from tests.builders import NOW, make_gate, make_policy, own_cookie
from tests.exchanges.exchange import mark as stamp
from tests.native.requests import VECTORS, vector

__all__ = ["VECTORS", "stamp", "vector"]


NOBODY = Caller()
LONG_AGO = NOW - 30 * 86_400


def gate_of(kind: str, **more: Any) -> Gate:
    """A gate with one destination, `it`: a `sentry`, or a `first_party` that speaks `kind`."""
    table = {"kind": "sentry"} if kind == "sentry" else {"kind": "first_party", "speaks": kind}
    return make_gate(make_policy(destinations={"it": {"endpoint": "http://127.0.0.1:9", **table, **more}}))


def visitor(*granted: str) -> Caller:
    """Somebody who chose a month ago."""
    return Caller(headers=((b"cookie", own_cookie(*granted, at=LONG_AGO).encode()),))


def request(path: str, body: object = b"", *, method: str = "POST", **headers: str) -> Call:
    """A call; what is no text and no bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    target, _, query = path.partition("?")
    named = tuple((name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items())
    return Call(method, target, query, named, raw)


def plan(gate: Gate, call: Call, caller: Caller = NOBODY) -> CallPlan:
    """What would happen to a call of this caller; the request's own headers are the caller's, too."""
    return plan_call(
        gate, gate.policy.destinations["it"], call, structs.replace(caller, headers=(*call.headers, *caller.headers))
    )


def sent(made: CallPlan) -> Any:
    """The JSON that goes out."""
    assert made.outgoing is not None, made.reason
    body = made.outgoing.body
    return json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)


def sent_pairs(made: CallPlan) -> dict[str, str]:
    """The query that goes out."""
    assert made.outgoing is not None, made.reason
    return dict(parse_qsl(urlsplit(made.outgoing.url).query, keep_blank_values=True))


def everything(outgoing: Outgoing) -> str:
    """All that goes out, as one text, out of its compression."""
    body = coding.decode(outgoing.body, dict(outgoing.headers).get("Content-Encoding", ""), 10_000_000)
    plain = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    headers = "\n".join(f"{name}: {value}" for name, value in outgoing.headers)
    return "\n".join((outgoing.url, headers, plain.decode("utf-8", "replace")))


def answered(answer: Answer) -> tuple[int, Any]:
    """Status and body; JSON as what it says."""
    kind = dict(answer.headers).get("Content-Type", "")
    return answer.status, json.loads(answer.body) if kind == "application/json" else answer.body


def stripped(made: CallPlan) -> Sequence[Mapping[str, str]]:
    """What was stripped of each element, and why."""
    return [decision.stripped for one in made.plans for decision in one.decisions]
