"""What tests of native formats are made of: a vector as a call, a visitor, what was sent, as values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from gatekeeper.gate import Gate
from gatekeeper.gate.calls import CallPlan, plan_call
from gatekeeper.gate.carry import finish_call, record_call
from gatekeeper.model import Answer, Call, Caller
from gatekeeper.vendors.formats import coding, form
from tests.builders import NOW, own_cookie

VECTORS = {
    one["id"]: one
    for one in json.loads((Path(__file__).parent.parent / "vectors" / "native_requests.json").read_text("utf-8"))
}
EVERYTHING = ("analytics", "marketing")


def vector(name: str, *swaps: tuple[str, str]) -> Call:
    """A vector as a call, with texts swapped (accounts, for those of the policy)."""
    one = VECTORS[name]
    path, _, query = one["path_and_query"].partition("?")
    headers = tuple((title.lower().encode(), value.encode()) for title, value in one["headers"].items())
    body = one["body"] or ""
    for old, new in swaps:
        path, query, body = path.replace(old, new), query.replace(old, new), body.replace(old, new)
    return Call(one["method"], path, query, headers, body.encode())


def visitor(
    *granted: str, headers: tuple[tuple[str, str], ...] = (), address: str | None = None, since: float = 86_400
) -> Caller:
    """A visitor who granted this much, `since` seconds ago; of nothing at all, one who said nothing."""
    cookie = (("cookie", own_cookie(*granted, at=NOW - since)),) if granted else ()
    lines = tuple((name.encode(), value.encode()) for name, value in (*cookie, *headers))
    return Caller(headers=lines, address=address)


def planned(gate: Gate, name: str, call: Call, *granted: str, **more: Any) -> CallPlan:
    """What would happen to a call to a destination."""
    return plan_call(gate, gate.policy.destinations[name], call, visitor(*granted, **more))


def answered(gate: Gate, plan: CallPlan, answer: Answer) -> Answer:
    """What the caller of a call that was sent gets of the vendor's answer."""
    record_call(gate, plan).result()
    relayed = finish_call(gate, plan, answer)
    assert relayed is not None
    return relayed


def query(plan: CallPlan) -> dict[str, str]:
    """The parameters of the address that a call was sent to."""
    assert plan.outgoing is not None, plan.reason
    return dict(parse_qsl(urlsplit(plan.outgoing.url).query, keep_blank_values=True))


def body(plan: CallPlan) -> Any:
    """The body that was sent, without its coding: the pairs of a form, else JSON."""
    assert plan.outgoing is not None, plan.reason
    headers = {name.lower(): value for name, value in plan.outgoing.headers}
    plain = coding.decode(plan.outgoing.body, headers.get("content-encoding", ""), 2**24)
    kind = headers.get("content-type", "")
    if kind.startswith((form.MULTIPART, form.URLENCODED)):
        return dict(form.read(plain, kind)[1])
    return json.loads(plain)


def everything(plan: CallPlan) -> bytes:
    """All bytes of the request, without the body's coding."""
    assert plan.outgoing is not None, plan.reason
    headers = {name.lower(): value for name, value in plan.outgoing.headers}
    plain = coding.decode(plan.outgoing.body, headers.get("content-encoding", ""), 2**24)
    return repr((plan.outgoing.method, plan.outgoing.url, plan.outgoing.headers)).encode() + plain
