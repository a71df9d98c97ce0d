"""The simulator of Meta's custom audiences; the source is that of `gatekeeper/vendors`."""

from __future__ import annotations

from typing import Final

from gatekeeper.model import Answer
from gatekeeper.testing.deletions.rules import Jobs, Routes, bearer, body_of, object_of
from gatekeeper.testing.received import Received
from gatekeeper.testing.vendor import HASH, Report, reply


def check(received: Received, report: Report) -> None:
    """The documented rules of a request."""
    bearer(received, report)
    payload = body_of(received, report, frozenset({"payload"})).get("payload")
    rows = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(rows, list) or not rows:
        report.error("payload.data", "an empty filter: it would be everybody's")
    elif not all(isinstance(row, list) and len(row) == 1 and HASH.fullmatch(str(row[0])) for row in rows):
        report.error("payload.data", "rows of one SHA-256 are needed")
    if not isinstance(payload, dict) or payload.get("schema") not in (["EMAIL"], ["PHONE"], ["EXTERN_ID"]):
        report.error("payload.schema", "is one of EMAIL, PHONE, EXTERN_ID")


def answer(jobs: Jobs, received: Received) -> Answer:
    """The vendor's own answer."""
    rows = object_of(received)["payload"]["data"]
    audience = received.path.split("/")[2]
    return reply(
        200, {"audience_id": audience, "session_id": "77", "num_received": len(rows), "num_invalid_entries": 0}
    )


ROUTES: Final[Routes] = {
    r"DELETE /v[0-9.]+/[0-9]+/users": (check, answer),
}
