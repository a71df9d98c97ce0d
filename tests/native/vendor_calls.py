"""Calls to vendors from the vectors, through a gate: what is asked for in the tests of Google Ads and TikTok."""

from __future__ import annotations

import orjson

from gatekeeper.gate.calls import plan_call
from gatekeeper.model import Call, Caller
from tests.builders import EVERY_KIND, NOW, make_gate, make_policy, own_cookie
from tests.native.requests import VECTORS

GOOGLE = EVERY_KIND["google_ads"] | {"customer_id": "1234", "conversion_id": "AW-1071635065"}
TIKTOK = EVERY_KIND["tiktok"]
GRANTED = (b"cookie", own_cookie("analytics", "marketing").encode())
LONG_GRANTED = (b"cookie", own_cookie("analytics", "marketing", at=NOW - 200 * 86_400).encode())
REFUSED = (b"cookie", own_cookie().encode())
GPC = (b"sec-gpc", b"1")


LIMITED = {"jurisdiction": {"default": "vcdpa"}, "consent": {"gpc": "where_required"}}


def gate_of(kind="google_ads", tables=None, **changes):
    """A gate with one destination, `vendor`. With the tables LIMITED, GPC of a local peer limits and does not block."""
    base = {"google_ads": GOOGLE, "tiktok": TIKTOK}[kind]
    return make_gate(make_policy(destinations={"vendor": base | changes}, **(tables or {})))


def headers_of(pairs):
    """Headers as ASGI has them."""
    return tuple((name.lower().encode(), value.encode()) for name, value in dict(pairs).items())


def call_of(name, *, query=lambda text: text, body=lambda data: data, headers=()):
    """A vector as a call, its query and its JSON body changed as asked for."""
    vector = VECTORS[name]
    path, _, given = vector["path_and_query"].partition("?")
    raw = (vector["body"] or "").encode()
    if raw[:1] == b"{":
        raw = orjson.dumps(body(orjson.loads(raw)))
    return Call(vector["method"], path, query(given), (*headers_of(vector["headers"]), *headers), raw)


def posted(path, data, *, query="", headers=()):
    """A call with a JSON body."""
    return Call("POST", path, query, headers, data if isinstance(data, bytes) else orjson.dumps(data))


def planned(gate, call, *said, address=None):
    """What becomes of a call to `vendor` of a visitor who said something: cookies and headers of consent."""
    visitor = Caller(headers=(*call.headers, *said), address=address)
    return plan_call(gate, gate.policy.destinations["vendor"], call, visitor)


def sent_json(made):
    """The JSON body of what is sent."""
    assert made.outgoing is not None, (made.reason, made.plans[0].decisions[0].steps[-1:])
    return orjson.loads(made.outgoing.body)
