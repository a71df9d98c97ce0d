"""What the page shows. The audit log and the simulators in; one JSON object out: event by event, side by side.

Decisions come from the audit log, as `gatekeeper audit show` prints them; what arrived comes from the
simulators, so that the page shows both what the gate says it sent and what the vendor has in hand.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import orjson

from gatekeeper.audit import read
from gatekeeper.demo.known import Known
from gatekeeper.installation import ids
from gatekeeper.policy import Policy
from gatekeeper.testing import Received, Simulators
from gatekeeper.vendors.kind import Destination

SHOWN = 20  # the newest events; a page of more is no longer read


class Board:
    """The demo's live page as data, for events decided after `since` (a request id)."""

    def __init__(self, policy: Policy, simulators: Simulators, since: str, known: Known) -> None:
        self._policy = policy
        self._simulators = simulators
        self._since = since
        self._known = known

    def show(self) -> dict[str, Any]:
        """`destinations` in the order of the policy, `events` with the newest first, and how many there were."""
        decisions, outcomes = [], []
        for line in read.records(self._policy.audit_folder):
            if line.get("kind") == "decision" and line["request_id"] > self._since:
                decisions.append(line)
            elif line.get("kind") == "outcome":
                outcomes.append(line)
        decisions.sort(key=lambda line: str(line["request_id"]))
        events = []
        for number, decision in list(enumerate(decisions, 1))[-SHOWN:]:
            request_id = decision["request_id"]
            record = read.join(decision, [line for line in outcomes if request_id in line["request_ids"]])
            events.append({"number": number, "record": record, "arrived": self._arrived(record)})
        return {
            "destinations": [_head(to) for to in self._policy.destinations.values()],
            "events": events[::-1],
            "total": len(decisions),
        }

    def _arrived(self, record: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """Destination -> the requests that its simulator received for this event; looked for at every one."""
        request_id = record["request_id"]
        moment = record["inputs"].get("event_time", ids.milliseconds(request_id) / 1000)
        marks = _marks(self._known.event(request_id) or request_id, moment)
        return {
            delivery["destination"]: [
                {"to": f"{one.method} {one.path}", "body": _pretty(one), "objections": [str(p) for p in one.errors]}
                for one in self._simulators[self._policy.destinations[delivery["destination"]].kind.name].received
                if any(mark in one.body for mark in marks)
            ]
            for delivery in record["deliveries"]
        }


def _head(to: Destination) -> dict[str, str]:
    return {"name": to.name, "kind": to.kind.name, "title": to.kind.title, "purpose": to.purpose.value}


def _marks(event_id: str, moment: float) -> tuple[bytes, ...]:
    """What the vendors' formats keep of an event's id: all of it, half of its hash (Sentry), its time (GA4)."""
    return (
        event_id.encode(),
        hashlib.sha256(event_id.encode()).hexdigest()[:32].encode(),
        b'"timestamp_micros":%d' % int(moment * 1_000_000),
    )


def _pretty(received: Received) -> str:
    """The body, indented: one JSON value, or one a line as in an envelope."""
    body = received.decoded or b""
    try:
        return _indented(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return "\n".join(_indented(line) for line in body.splitlines() if line)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace")


def _indented(body: bytes) -> str:
    return json.dumps(orjson.loads(body), indent=2, ensure_ascii=False)
