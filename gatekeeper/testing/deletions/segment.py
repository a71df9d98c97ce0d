"""The simulator of Segment's regulations; the source is that of `gatekeeper/vendors`."""

from __future__ import annotations

from typing import Final

from gatekeeper.model import Answer
from gatekeeper.testing.deletions.rules import Jobs, Routes, bearer, body_of, identified, object_of
from gatekeeper.testing.received import Received
from gatekeeper.testing.vendor import Report, reply


def check(received: Received, report: Report) -> None:
    """The documented rules of a request."""
    bearer(received, report)
    if received.method == "GET":
        return
    body = body_of(received, report, frozenset({"regulationType", "subjectType", "subjectIds"}))
    identified(body.get("subjectIds"), "subjectIds", report, 5000)
    if (body.get("regulationType"), body.get("subjectType")) != ("SUPPRESS_WITH_DELETE", "USER_ID"):
        report.error("regulationType", "is not one that deletes users")


def answer(jobs: Jobs, received: Received) -> Answer:
    """The vendor's own answer."""
    if received.method == "POST":
        jobs.asked["reg-1"] = object_of(received)
        return reply(200, {"data": {"regulateId": "reg-1"}})
    number = received.path.rpartition("/")[2]
    if number not in jobs.asked:
        return reply(404, {})
    word = "FINISHED" if jobs.ended(number) else "RUNNING"
    return reply(200, {"data": {"regulation": {"id": number, "workspaceId": "w", "overallStatus": word}}})


ROUTES: Final[Routes] = {
    r"(POST|GET) /regulations(/[a-zA-Z0-9-]+)?": (check, answer),
}
