"""The simulator of an operator's own endpoint, in the shape of OpenDSR; the source is that of `gatekeeper/vendors`."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

from gatekeeper.model import Answer
from gatekeeper.testing.deletions.rules import Jobs, Routes, object_of
from gatekeeper.testing.received import Received
from gatekeeper.testing.vendor import Report, is_text, reply


def check(received: Received, report: Report) -> None:
    """The documented rules of a request."""
    if not re.fullmatch(r"t=\d+,v1=[0-9a-f]{64}", received.header("gatekeeper-signature") or ""):
        report.error("header:gatekeeper-signature", "is needed")
    if received.method == "GET":
        return
    body = received.json
    who = body.get("subject_identities") if isinstance(body, dict) else None
    if not isinstance(who, list) or not who:
        report.error("subject_identities", "an empty filter: it would be everybody's")
    elif not all(isinstance(one, dict) and is_text(one.get("identity_value")) for one in who):
        report.error("subject_identities", "each has a value")
    if not isinstance(body, dict) or body.get("subject_request_type") != "erasure":
        report.error("subject_request_type", "is erasure")


def answer(jobs: Jobs, received: Received) -> Answer:
    """The vendor's own answer."""
    if received.method == "POST":
        body = object_of(received)
        jobs.asked[body["subject_request_id"]] = body
        return reply(202, {"subject_request_id": body["subject_request_id"]})
    number = received.path.rpartition("/")[2]
    if number not in jobs.asked:
        return reply(404, {})
    word = "completed" if jobs.ended(number) else "in_progress"
    return reply(200, {"subject_request_id": number, "request_status": word})


def check_signature(received: Received, report: Report, secret: str) -> None:
    """The signature is that of the body, or of a GET's path, at its time; by the documentation, not by our own code."""
    parts = dict(part.partition("=")[::2] for part in (received.header("gatekeeper-signature") or "").split(","))
    message = received.path.encode() if received.method == "GET" else received.body
    signed = hmac.new(secret.encode(), f"{parts.get('t')}.".encode() + message, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signed, parts.get("v1", "")):
        report.error("header:gatekeeper-signature", "is not of this message")


ROUTES: Final[Routes] = {
    r"(POST|GET) /dsr(/.+)?": (check, answer),
}
