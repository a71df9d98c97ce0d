"""The simulator of PostHog's persons; the source is that of `gatekeeper/vendors`."""

from __future__ import annotations

import re
from typing import Final

from gatekeeper.model import Answer
from gatekeeper.testing.deletions.rules import NEVER, UNKNOWN, Jobs, Routes, bearer
from gatekeeper.testing.received import Received
from gatekeeper.testing.vendor import Report, is_text, reply

_UUID: Final = "0188a0de-0000-4000-8000-00000000cafe"


def check(received: Received, report: Report) -> None:
    """The documented rules of a request."""
    bearer(received, report)
    if received.method == "GET" and not is_text(received.query.get("distinct_id", [""])[0]):
        report.error("distinct_id", "an empty filter: it would be everybody's")
    if received.method == "DELETE" and not re.fullmatch(r".*/persons/[0-9a-f-]{36}/", received.path):
        report.error("path", "a person's UUID is needed")


def answer(jobs: Jobs, received: Received) -> Answer:
    """The vendor's own answer."""
    if received.method == "DELETE":
        jobs.gone.add(_UUID)
        return Answer(204)
    who = received.query["distinct_id"][0]
    there = UNKNOWN not in who and (_UUID not in jobs.gone or NEVER in who)
    rows = [{"id": _UUID, "uuid": _UUID, "distinct_ids": [who]}] if there else []
    return reply(200, {"next": None, "results": rows})


ROUTES: Final[Routes] = {
    r"(GET|DELETE) /api/projects/[0-9]+/persons/.*": (check, answer),
}
