"""What tests of vendors' own calls are made of: a gate, a call, who makes it, and what was sent or answered.

The vectors are the calls of `tests/vectors/native_requests.json`.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
from msgspec import structs

from gatekeeper.gate import Gate
from gatekeeper.gate.calls import CallPlan, plan_call
from gatekeeper.gate.carry import finish_call, record_call
from gatekeeper.model import Answer, Call, Caller, Outgoing
from gatekeeper.vendors.formats import coding, form
from tests.builders import EVERY_KIND, NOW, make_gate, make_policy, own_cookie
from tests.exchanges.exchange import mark as stamp

__all__ = ["stamp"]

VECTORS = {
    one["id"]: one
    for one in json.loads((Path(__file__).parent.parent / "vectors" / "native_requests.json").read_text("utf-8"))
}
EVERYTHING = ("analytics", "marketing")
NOBODY = Caller()
LONG_AGO = NOW - 30 * 86_400

# What a visitor's headers say.
GRANTED = (b"cookie", own_cookie(*EVERYTHING).encode())
LONG_GRANTED = (b"cookie", own_cookie(*EVERYTHING, at=NOW - 200 * 86_400).encode())
REFUSED = (b"cookie", own_cookie().encode())
GPC = (b"sec-gpc", b"1")

# Gates with one destination, `it`.
SINK = "http://127.0.0.1:9"
TABLES = {
    "sentry": {"kind": "sentry", "endpoint": SINK},
    "google_ads": EVERY_KIND["google_ads"] | {"customer_id": "1234", "conversion_id": "AW-1071635065"},
    "tiktok": EVERY_KIND["tiktok"],
}
LIMITED = {"jurisdiction": {"default": "vcdpa"}, "consent": {"gpc": "where_required"}}


def gate_of(kind: str = "google_ads", tables: Mapping[str, Any] | None = None, **more: Any) -> Gate:
    """A gate with one destination, `it`; one of `TABLES`, or a `first_party` that speaks `kind`.

    With the tables LIMITED, GPC of a local peer limits and does not block.
    """
    table = TABLES.get(kind, {"kind": "first_party", "speaks": kind, "endpoint": SINK})
    return make_gate(make_policy(destinations={"it": {**table, **more}}, **(tables or {})))


# Calls


def headers_of(pairs: Any) -> tuple[tuple[bytes, bytes], ...]:
    """Headers as ASGI has them."""
    return tuple((name.lower().encode(), value.encode()) for name, value in dict(pairs).items())


def vector(name: str, *swaps: tuple[str, str]) -> Call:
    """A vector as a call, with texts swapped (accounts, for those of the policy)."""
    one = VECTORS[name]
    path, _, query = one["path_and_query"].partition("?")
    body = one["body"] or ""
    for old, new in swaps:
        path, query, body = path.replace(old, new), query.replace(old, new), body.replace(old, new)
    return Call(one["method"], path, query, headers_of(one["headers"]), body.encode())


def call_of(name: str, *, query=lambda text: text, body=lambda data: data, headers=()) -> Call:
    """A vector as a call, its query and its JSON body changed as asked for."""
    call = vector(name)
    raw = orjson.dumps(body(orjson.loads(call.body))) if call.body[:1] == b"{" else call.body
    return structs.replace(call, query=query(call.query), headers=(*call.headers, *headers), body=raw)


def request(path: str, body: object = b"", *, method: str = "POST", **headers: str) -> Call:
    """A call; what is no text and no bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    target, _, query = path.partition("?")
    named = tuple((name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items())
    return Call(method, target, query, named, raw)


# Who calls, and what would happen


def visitor(*granted: str) -> Caller:
    """A visitor who chose a month ago."""
    return Caller(headers=((b"cookie", own_cookie(*granted, at=LONG_AGO).encode()),))


def plan(gate: Gate, call: Call, caller: Caller = NOBODY) -> CallPlan:
    """What would happen to a call of this caller; the request's own headers are the caller's, too."""
    return plan_call(
        gate, gate.policy.destinations["it"], call, structs.replace(caller, headers=(*call.headers, *caller.headers))
    )


def planned(gate: Gate, call: Call, *said: tuple[bytes, bytes], address: str | None = None) -> CallPlan:
    """What would happen to a call of a visitor whose headers say something."""
    return plan(gate, call, Caller(headers=said, address=address))


def granting(
    gate: Gate,
    name: str,
    call: Call,
    *granted: str,
    headers: Sequence[tuple[str, str]] = (),
    address: str | None = None,
    since: float = 86_400,
) -> CallPlan:
    """What would happen to a call of a visitor who granted this much, `since` seconds ago, or said nothing."""
    cookie = (("cookie", own_cookie(*granted, at=NOW - since)),) if granted else ()
    who = Caller(headers=headers_of((*cookie, *headers)), address=address)
    return plan_call(gate, gate.policy.destinations[name], call, who)


def answered(gate: Gate, plan: CallPlan, answer: Answer) -> Answer:
    """What the caller of a call that was sent gets of the vendor's answer."""
    record_call(gate, plan).result()
    relayed = finish_call(gate, plan, answer)
    assert relayed is not None
    return relayed


# What was sent


def outgoing(plan: CallPlan) -> Outgoing:
    """The request that goes out."""
    assert plan.outgoing is not None, (plan.reason, [one.decisions[0].steps[-1:] for one in plan.plans])
    return plan.outgoing


def plain(out: Outgoing) -> bytes:
    """The body, out of its compression, named or not."""
    coded = {name.lower(): value for name, value in out.headers}.get("content-encoding", "")
    body = coding.decode(out.body, coded, 2**24)
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


def query(plan: CallPlan) -> dict[str, str]:
    """The parameters of the address that a call was sent to."""
    return dict(parse_qsl(urlsplit(outgoing(plan).url).query, keep_blank_values=True))


def sent(plan: CallPlan) -> Any:
    """The body that was sent: the pairs of a form, else JSON."""
    out = outgoing(plan)
    kind = {name.lower(): value for name, value in out.headers}.get("content-type", "")
    if kind.startswith((form.MULTIPART, form.URLENCODED)):
        return dict(form.read(plain(out), kind)[1])
    return json.loads(plain(out))


def everything(plan: CallPlan) -> bytes:
    """All bytes of the request, without the body's coding."""
    out = outgoing(plan)
    return repr((out.method, out.url, out.headers)).encode() + plain(out)


def readable(out: Outgoing) -> str:
    """All that goes out, as one text."""
    headers = "\n".join(f"{name}: {value}" for name, value in out.headers)
    return "\n".join((out.url, headers, plain(out).decode("utf-8", "replace")))


def said(answer: Answer) -> tuple[int, Any]:
    """Status and body of an answer; JSON as what it says."""
    kind = dict(answer.headers).get("Content-Type", "")
    return answer.status, json.loads(answer.body) if kind == "application/json" else answer.body
