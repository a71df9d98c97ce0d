"""The simulator of Google Analytics' user deletion; the source is that of `gatekeeper/vendors`."""

from __future__ import annotations

from typing import Final

from gatekeeper.model import Answer
from gatekeeper.testing.deletions.rules import Jobs, Routes, bearer, body_of, object_of
from gatekeeper.testing.received import Received
from gatekeeper.testing.vendor import Report, is_text, reply


def check(received: Received, report: Report) -> None:
    """The documented rules of a request."""
    bearer(received, report)
    body = body_of(received, report, frozenset({"kind", "id", "propertyId", "webPropertyId", "firebaseProjectId"}))
    who = body.get("id")
    if body.get("kind") != "analytics#userDeletionRequest":
        report.error("kind", "is analytics#userDeletionRequest")
    if not isinstance(who, dict) or who.get("type") not in ("CLIENT_ID", "USER_ID", "APP_INSTANCE_ID"):
        report.error("id.type", "is one of CLIENT_ID, USER_ID, APP_INSTANCE_ID")
    elif not is_text(who.get("userId")):
        report.error("id.userId", "an empty filter: it would be everybody's")
    if not str(body.get("propertyId", "")).isdigit():
        report.error("propertyId", "the numeric property is needed")


def answer(jobs: Jobs, received: Received) -> Answer:
    """The vendor's own answer."""
    return reply(200, {**object_of(received), "deletionRequestTime": "2026-11-30T10:00:00.000Z"})


ROUTES: Final[Routes] = {
    r"POST /analytics/v3/userDeletion/userDeletionRequests:upsert": (check, answer),
}
