"""The simulator of Mixpanel's GDPR API; the source is that of `gatekeeper/vendors`."""

from __future__ import annotations

from typing import Final

from gatekeeper.model import Answer
from gatekeeper.testing.deletions.rules import Jobs, Routes, bearer, body_of, identified, object_of
from gatekeeper.testing.received import Received
from gatekeeper.testing.vendor import Report, reply


def check(received: Received, report: Report) -> None:
    """The documented rules of a request."""
    bearer(received, report)
    if not received.query.get("token", [""])[0]:
        report.error("token", "the project's token is needed")
    if received.method == "GET":
        return
    body = body_of(received, report, frozenset({"distinct_ids", "compliance_type"}))
    identified(body.get("distinct_ids"), "distinct_ids", report, 2000)
    if body.get("compliance_type") not in ("GDPR", "CCPA"):
        report.error("compliance_type", "is GDPR or CCPA")


def answer(jobs: Jobs, received: Received) -> Answer:
    """The vendor's own answer."""
    if received.method == "POST":
        jobs.asked["1583958896131033662"] = object_of(received)
        return reply(200, {"status": "ok", "results": {"task_id": "1583958896131033662"}})
    number = received.path.rpartition("/")[2]
    if number not in jobs.asked:
        return reply(200, {"status": "ok", "results": {"status": "NOT_FOUND"}})
    word = "SUCCESS" if jobs.ended(number) else "PENDING"
    return reply(200, {"status": "ok", "results": {"status": word}})


ROUTES: Final[Routes] = {
    r"POST /api/app/data-deletions/v3.0/": (check, answer),
    r"GET /api/app/data-deletions/v3.0/[0-9]+": (check, answer),
}
