"""The simulator of Amplitude's user privacy API; the source is that of `gatekeeper/vendors`."""

from __future__ import annotations

import re
from typing import Final

from gatekeeper.model import Answer
from gatekeeper.testing.deletions.rules import UNKNOWN, Jobs, Routes, body_of, identified, object_of
from gatekeeper.testing.received import Received
from gatekeeper.testing.vendor import Report, reply

DAY: Final = "2026-12-10"


def check(received: Received, report: Report) -> None:
    """The documented rules of a request."""
    if not re.fullmatch(r"Basic [A-Za-z0-9+/]+=*", received.header("authorization") or ""):
        report.error("header:authorization", "the key and the secret are needed")
    if received.method == "GET":
        for key in ("start_day", "end_day"):
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", received.query.get(key, [""])[0]):
                report.error(key, "is a day")
        return
    keys = frozenset({"user_ids", "amplitude_ids", "requester", "ignore_invalid_id", "delete_from_org"})
    body = body_of(received, report, keys)
    identified(body.get("user_ids"), "user_ids", report, 100)
    if body.get("delete_from_org"):
        report.error("delete_from_org", "is not for one project")


def answer(jobs: Jobs, received: Received) -> Answer:
    """The vendor's own answer."""
    if received.method == "GET":
        rows = [
            {"day": DAY, "status": "done" if jobs.ended(name) else "staging", "amplitude_ids": job["rows"]}
            for name, job in jobs.asked.items()
            if name.startswith("amplitude:")
        ]
        return reply(200, rows)
    body = object_of(received)
    rows = [
        {"amplitude_id": 1000 + n, "requester": body["requester"], "requested_on_day": "2026-11-30"}
        for n, user in enumerate(body["user_ids"])
        if UNKNOWN not in user
    ]
    jobs.asked[f"amplitude:{body['requester']}"] = {"rows": rows, "users": body["user_ids"]}
    return reply(200, {"day": DAY, "status": "staging", "amplitude_ids": rows})


ROUTES: Final[Routes] = {
    r"(GET|POST) /api/2/deletions/users": (check, answer),
}
