"""First-party analytics: any collector of one's own that takes JSON by POST, on any path, and answers 204."""

from __future__ import annotations

from gatekeeper.model import Answer
from gatekeeper.testing.received import Problem, Received
from gatekeeper.testing.vendor import check_posted_json, errors, json_events

KIND = "first_party"

events = json_events
check = check_posted_json


def answer(received: Received, problems: tuple[Problem, ...]) -> Answer:
    """204, 405 for another method, 400 for a body that is not JSON."""
    if received.method != "POST":
        return Answer(405, (("Allow", "POST"),))
    return Answer(400 if errors(problems) else 204)
