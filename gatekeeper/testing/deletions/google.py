"""The simulator of Google's Data Manager; the source is that of `gatekeeper/vendors`."""

from __future__ import annotations

from typing import Final

from gatekeeper.model import Answer
from gatekeeper.testing.deletions.rules import Jobs, Routes, bearer, body_of, object_of
from gatekeeper.testing.received import Received
from gatekeeper.testing.vendor import HASH, Report, reply


def check(received: Received, report: Report) -> None:
    """The documented rules of a request."""
    bearer(received, report)
    body = body_of(received, report, frozenset({"destinations", "audienceMembers", "encoding", "validateOnly"}))
    members = body.get("audienceMembers")
    if body.get("encoding") != "HEX":
        report.error("encoding", "is needed for user data")
    if not isinstance(body.get("destinations"), list) or not body["destinations"]:
        report.error("destinations", "an audience is needed")
    if not isinstance(members, list) or not members or not all(_somebody(one) for one in members):
        report.error("audienceMembers", "an empty filter: it would be everybody's")


def _somebody(member: object) -> bool:
    data = member.get("userData") if isinstance(member, dict) else None
    found = data.get("userIdentifiers") if isinstance(data, dict) else None
    return (
        isinstance(found, list)
        and bool(found)
        and all(
            isinstance(one, dict) and one and all(HASH.fullmatch(str(value)) for value in one.values()) for one in found
        )
    )


def answer(jobs: Jobs, received: Received) -> Answer:
    """The vendor's own answer."""
    jobs.asked["req-1"] = object_of(received)
    return reply(200, {"requestId": "req-1"})


def status(jobs: Jobs, received: Received) -> Answer:
    """How far a job is."""
    number = received.query.get("requestId", [""])[0]
    if number not in jobs.asked:
        return reply(404, {})
    word = "SUCCESS" if jobs.ended(number) else "PROCESSING"
    return reply(200, {"requestStatusPerDestination": [{"requestStatus": word}]})


ROUTES: Final[Routes] = {
    r"POST /v1/audienceMembers:remove": (check, answer),
    r"GET /v1/requestStatus:retrieve": (bearer, status),
}
