"""An exchange as JSON: a request that came in, what the gate makes of it, and the answers on the way back.

    title       the rule that it shows
    name        of the destination, with its `settings`; `policy` holds other tables of the policy
    granted     purposes that the visitor granted by our own cookie, `since` seconds ago; without it there is no cookie
    caller      what else is known of the visitor: `headers`, `address`; `apart`: the request's headers are a server's
    in          the request without its content coding (with it: `coded`); a body is JSON, text, or what `packed` writes
    source      where such a request was seen
    out         the request to the vendor without its content coding; null if nothing is sent
    objections  what the vendor's simulator says of it, if there is anything
    elements    of each event its name and decision: reason, kept, stripped, …
    answer      what the caller gets at once; of a request that is sent, `answers` has what the vendor says, what the
                caller gets of it, and the fate of each event

`{mark:analytics+marketing}` in a request stands for the context token of a visitor who granted this a month ago.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from gatekeeper.gate import Gate
from gatekeeper.gate.calls import CallPlan
from gatekeeper.model import Answer, Call, Caller, Outgoing, Visitor
from gatekeeper.signals.context import write
from gatekeeper.testing.received import Received
from gatekeeper.testing.simulators import VENDORS
from gatekeeper.testing.vendor import Vendor
from gatekeeper.vendors.dialect import Dialect
from gatekeeper.vendors.formats import coding
from gatekeeper.vendors.formats.format import OwnBody
from tests.builders import NOW, RING, make_gate, make_policy, own_cookie, said

UNSIMULATED = (["google", "pixel"], ["tiktok", "pixel"])
MARK = re.compile(r"\{mark:([a-z+]*)\}")
Exchange = Mapping[str, Any]


def mark(*granted: str) -> str:
    """The context token of a visitor who chose so a month ago."""
    given = {purpose: purpose in granted for purpose in ("analytics", "marketing")}
    return write(Visitor((said(source="own", at=NOW - 30 * 86_400, **given),)), at=NOW, sign=RING.sign)


def marked(text: str) -> str:
    """The text with its marks in place."""
    return MARK.sub(lambda match: mark(*filter(None, match[1].split("+"))), text)


def packed(body: bytes) -> Any:
    """A body as JSON can hold it: a JSON value, else text, else gzip of either, else base64."""
    if body[:2] == b"\x1f\x8b":
        with suppress(OSError, EOFError, zlib.error):
            return {"gzip": packed(gzip.decompress(body))}
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}
    if text[:1] in ("{", "["):
        try:
            value = json.loads(text)
        except ValueError:
            return text
        if unpacked(value) == body:
            return value
        return {"json": value} if json.dumps(value, separators=(",", ":"), ensure_ascii=False) == text else text
    return text


def unpacked(body: Any) -> bytes:
    """The bytes of a body."""
    if isinstance(body, str):
        return marked(body).encode()
    if isinstance(body, dict) and body.keys() == {"gzip"}:
        return gzip.compress(unpacked(body["gzip"]), mtime=0)
    if isinstance(body, dict) and body.keys() == {"base64"}:
        return base64.b64decode(body["base64"])
    if isinstance(body, dict) and body.keys() == {"json"}:
        return marked(json.dumps(body["json"], separators=(",", ":"), ensure_ascii=False)).encode()
    return marked(json.dumps(body)).encode()


def gate_of(exchange: Exchange) -> Gate:
    """The gate that the exchange is about."""
    settings = {exchange["name"]: exchange["settings"]}
    return make_gate(make_policy(destinations=settings, **exchange.get("policy", {})))


def call_of(exchange: Exchange) -> Call:
    """The request that comes in."""
    came = exchange["in"]
    path, _, query = marked(came["path"]).partition("?")
    headers = _headers(came.get("headers", ()))
    coded = dict(headers).get(b"content-encoding", b"").decode()
    body = unpacked(came["coded"]) if "coded" in came else coding.encode(unpacked(came.get("body", "")), coded)
    return Call(came["method"], path, query, headers, body)


def caller_of(exchange: Exchange, call: Call) -> Caller:
    """The visitor."""
    who = exchange.get("caller", {})
    headers = () if who.get("apart") else call.headers
    if "granted" in exchange:
        cookie = own_cookie(*exchange["granted"], at=NOW - exchange.get("since", 86_400))
        headers = (*headers, (b"cookie", cookie.encode()))
    return Caller(
        headers=(*headers, *_headers(who.get("headers", ()))),
        address=who.get("address"),
        relayed=who.get("apart", False),
    )


def _headers(rows: Any) -> tuple[tuple[bytes, bytes], ...]:
    pairs = rows.items() if isinstance(rows, dict) else rows
    return tuple((name.encode(), marked(value).encode("latin-1")) for name, value in pairs)


def sent(outgoing: Outgoing | None) -> Any:
    """The request to the vendor, as the exchange has it."""
    if outgoing is None:
        return None
    out = {"method": outgoing.method, "url": outgoing.url, "headers": dict(outgoing.headers)}
    coded = out["headers"].get("Content-Encoding", "")
    return out | ({"body": written(coding.decode(outgoing.body, coded, 2**24))} if outgoing.body else {})


def place_of(dialect: Dialect | None) -> str:
    """The module of a format that has a body of its own; nothing for one of a shared form."""
    body = getattr(dialect, "body", None)
    return body.read.__module__ if isinstance(body, OwnBody) else ""


def simulator_of(dialect: Dialect | None) -> Vendor | None:
    """The simulator beside the dialect's place in `vendors`: of `vendors.meta.calls` it is `testing.meta`.

    Scripts in pages send to hosts of their own, of which GA4's alone is simulated. A format of a shared form has none.
    """
    place = place_of(dialect).split(".")
    simulated = {vendor.__name__.rpartition(".")[2]: vendor for vendor in VENDORS}
    return simulated.get(place[2]) if len(place) > 3 and place[2:] not in UNSIMULATED else None


def objections(plan: CallPlan) -> list[str]:
    """What the vendor's simulator objects to; `simulator_of` says which has one."""
    simulator = simulator_of(plan.dialect)
    if plan.outgoing is None or simulator is None:
        return []
    out, parts = plan.outgoing, urlsplit(plan.outgoing.url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    received = Received.read(out.method, target, out.headers, out.body, b"", NOW)
    return [f"{problem.path}: {problem.rule}" for problem in simulator.check(received)]


def answered(answer: Answer) -> Any:
    """An answer, as the exchange has it."""
    out: dict[str, Any] = {"status": answer.status}
    out |= {"headers": dict(answer.headers)} if answer.headers else {}
    return out | ({"body": written(answer.body)} if answer.body else {})


def answer_of(said: Mapping[str, Any]) -> Answer:
    """The vendor's answer."""
    return Answer(said["status"], tuple(said.get("headers", {}).items()), unpacked(said.get("body", "")))


def written(body: bytes) -> Any:
    """A body that we wrote: JSON is compact, so its value says all of it."""
    value = packed(body)
    return value["json"] if isinstance(value, dict) and value.keys() == {"json"} else value


def elements(plan: CallPlan) -> list[dict[str, Any]]:
    """What was decided of each event."""
    rows = []
    for one in plan.plans:
        (decision,) = one.decisions
        row = {
            "event": one.event.name, "reason": decision.reason, "kept": sorted(decision.kept),
            "stripped": dict(decision.stripped), "derived": list(decision.derived),
            "scrubbed": {name: list(kinds) for name, kinds in decision.scrubbed.items()},
        }  # fmt: skip
        rows.append({name: value for name, value in row.items() if value})
    return rows


def outcomes(gate: Gate, plan: CallPlan) -> list[str]:
    """What the audit's last lines say became of each event that was sent."""
    sent = [one.request_id for one, kept in zip(plan.plans, plan.kept, strict=True) if kept is not None]
    ends = {
        request_id: " ".join(filter(None, (line["status"], line.get("why") or line.get("reason"))))
        for line in gate.recorder.lines
        if line.get("request_ids")
        for request_id in line["request_ids"]
    }
    return [ends[request_id] for request_id in sent]
