"""The simulator of RudderStack's regulations; the source is that of `gatekeeper/vendors`."""

from __future__ import annotations

from typing import Final

import orjson

from gatekeeper.model import Answer
from gatekeeper.testing.deletions.rules import Jobs, Routes, bearer, body_of, identified, object_of
from gatekeeper.testing.received import Received
from gatekeeper.testing.vendor import Report, is_text


def check(received: Received, report: Report) -> None:
    """The documented rules of a request."""
    bearer(received, report)
    body = body_of(received, report, frozenset({"regulationType", "destinationIds", "users"}))
    users = body.get("users")
    if body.get("regulationType") != "suppress_with_delete":
        report.error("regulationType", "is suppress_with_delete")
    identified(body.get("destinationIds"), "destinationIds", report, 1000)
    if not isinstance(users, list) or not users or not all(is_text(one.get("userId")) for one in users):
        report.error("users", "an empty filter: it would be everybody's")


def answer(jobs: Jobs, received: Received) -> Answer:
    """The vendor's own answer."""
    made = [
        {"id": f"reg-{n}", "canceled": False, "regulationType": "suppress_with_delete", "attributes": user}
        for n, user in enumerate(object_of(received)["users"])
    ]
    return Answer(201, (("Content-Type", "application/json"),), orjson.dumps(made))


ROUTES: Final[Routes] = {
    r"POST /v2/regulations": (check, answer),
}
