"""The simulator of Matomo's PrivacyManager; the source is that of `gatekeeper/vendors`."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

import orjson

from gatekeeper.model import Answer
from gatekeeper.testing.deletions.rules import NEVER, UNKNOWN, Jobs, Routes, form_of
from gatekeeper.testing.received import Received
from gatekeeper.testing.vendor import Report, reply


def check(received: Received, report: Report) -> None:
    """The documented rules of a request."""
    form = form_of(received)
    if received.method != "POST" or not form.get("token_auth"):
        report.error("token_auth", "is needed, in a POST")
    method = form.get("method")
    if method == "PrivacyManager.findDataSubjects":
        if not re.fullmatch(r"(userId|visitorId)==.+", form.get("segment", "")):
            report.error("segment", "an empty filter: it would be everybody's")
        if not form.get("idSite", "").isdigit():
            report.error("idSite", "is needed")
    elif method == "PrivacyManager.deleteDataSubjects":
        if not all(form.get(f"visits[0][{key}]", "").isdigit() for key in ("idsite", "idvisit")):
            report.error("visits", "an empty filter: it would be everybody's")
    else:
        report.error("method", "is not a method of PrivacyManager")


def answer(jobs: Jobs, received: Received) -> Answer:
    """The vendor's own answer."""
    form = form_of(received)
    if form["method"].endswith("deleteDataSubjects"):
        jobs.gone.add("4759")
        return reply(200, {"log_visit": 1})
    by, _, who = form["segment"].partition("==")
    who = unquote(who)
    there = UNKNOWN not in who and ("4759" not in jobs.gone or NEVER in who)
    return Answer(
        200,
        (("Content-Type", "application/json"),),
        orjson.dumps([{"idSite": 1, "idVisit": 4759, by: who}] if there else []),
    )


ROUTES: Final[Routes] = {
    r"POST /index.php": (check, answer),
}
