"""Calls to vendors from the vectors, through a gate: what is asked for in the tests of Google Ads and TikTok."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import orjson

from gatekeeper.calls import plan_call
from gatekeeper.gate import Caller
from gatekeeper.model import Call, Permission, Purpose, Role, Signal, Standing
from gatekeeper.signals import context
from tests.builders import EVERY_KIND, NOW, RING, make_gate, make_policy, own_cookie

VECTORS = {
    one["id"]: one
    for one in json.loads((Path(__file__).parent.parent / "vectors/native_requests.json").read_text("utf-8"))
}
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


def mark_of(*granted):
    """The mark that an app puts on an event of a visitor who granted this much long ago."""
    purposes = dict.fromkeys(map(Purpose, granted), Permission.GRANTED)
    at = NOW - 200 * 86_400
    choice = Signal("gatekeeper", Role.CHOICE, Standing.DECIDED, purposes, at=at, subject="v_1")
    return context.write(context.Visitor((choice,)), at=NOW, sign=RING.sign)


def sent_json(made):
    """The JSON body of what is sent."""
    assert made.outgoing is not None, (made.reason, made.plans[0].decisions[0].steps[-1:])
    return orjson.loads(made.outgoing.body)


def sent_query(made):
    """The query of what is sent."""
    assert made.outgoing is not None, (made.reason, made.plans[0].decisions[0].steps[-1:])
    return dict(parse_qsl(urlsplit(made.outgoing.url).query, keep_blank_values=True))


def sent_text(made):
    """Everything that is sent, as one text."""
    assert made.outgoing is not None, (made.reason, made.plans[0].decisions[0].steps[-1:])
    return " ".join((made.outgoing.url, repr(made.outgoing.headers), made.outgoing.body.decode()))
