"""A generic HTTP endpoint: JSON by POST, on any path, answered 200 `{}`."""

from __future__ import annotations

from gatekeeper.model import Answer
from gatekeeper.testing.received import Problem, Received
from gatekeeper.testing.vendor import check_posted_json, errors, json_events, reply

KIND = "http_json"

events = json_events
check = check_posted_json


def answer(received: Received, problems: tuple[Problem, ...]) -> Answer:
    """200 with an empty object, 405 for another method, 400 for a body that is not JSON."""
    if received.method != "POST":
        return Answer(405, (("Allow", "POST"),))
    return reply(400 if errors(problems) else 200, {})
