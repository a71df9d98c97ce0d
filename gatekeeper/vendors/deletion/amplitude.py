"""Deletion at Amplitude: a job that takes days to weeks, and can be asked how far it is. Pure.

    POST <base>/api/2/deletions/users      {"user_ids": […], "requester": "er_…", "ignore_invalid_id": true}
    GET  <base>/api/2/deletions/users?start_day=…&end_day=…        jobs by day: staging, submitted, done

Amplitude runs a job 10 to 13 days after it was asked, mails every administrator, and repeats the requester beside
each person: that is the erasure's id, so that no other's row is taken for ours. Its second version deletes in every
project of the organisation and is not used. Source: amplitude.com/docs/apis/analytics/user-privacy, read 2026-11-30.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import date, timedelta
from typing import Any, Final

from gatekeeper.model import Outgoing
from gatekeeper.vendors.deletion import (
    NO_IDENTIFIER,
    Deletion,
    Ids,
    Impossible,
    Stage,
    Step,
    Told,
    another,
    base,
    json_request,
    secret,
    unreadable,
)
from gatekeeper.vendors.kind import DAY, Destination

_A_CALL: Final = 100  # users that Amplitude takes at once


def forget(ids: Ids, to: Destination) -> tuple[Step, ...] | Impossible:
    """User ids only: Amplitude's deletion does not take device ids."""
    users = ids.of("user_id")
    steps = [
        Step("create", {"users": list(users[n : n + _A_CALL]), "requester": ids.erasure})
        for n in range(0, len(users), _A_CALL)
    ]
    return tuple(steps) or Impossible(NO_IDENTIFIER)


def ask(step: Step, to: Destination, at: float) -> Outgoing:
    """A job, and the look at the jobs of its day."""
    url = f"{base(to, 'https://amplitude.com', 'https://analytics.eu.amplitude.com')}/api/2/deletions/users"
    pair = b64encode(f"{secret(to, 'key')}:{secret(to, 'secret')}".encode()).decode()
    headers = (("Authorization", "Basic " + pair),)
    if step.name == "status":
        first = date.fromisoformat(step.data["day"])
        return json_request("GET", f"{url}?start_day={first}&end_day={first + timedelta(days=1)}", headers)
    body = {"user_ids": step.data["users"], "requester": step.data["requester"], "ignore_invalid_id": True}
    return json_request("POST", url, headers, body)


def read(step: Step, said: Any) -> Told:
    """Confirmed when the job that has our rows is done."""
    jobs = [said] if isinstance(said, dict) else said
    if not isinstance(jobs, list) or not all(isinstance(job, dict) for job in jobs):
        return unreadable()
    requester = step.data["requester"]
    ours = [job for job in jobs if any(row.get("requester") == requester for row in _rows(job))]
    if step.name == "create":
        if jobs and not any(_rows(job) for job in jobs):
            return Told(Stage.NOTHING)
        if not ours:
            return another() if any(_rows(job) for job in jobs) else unreadable()
        day = str(ours[0].get("day"))
        try:
            date.fromisoformat(day)
        except ValueError:
            return unreadable()
        later = Step("status", {"day": day, "requester": requester})
        return Told(Stage.PENDING, (later,), wait=DAY, reference=day)
    if ours and all(job.get("status") == "done" for job in ours):
        return Told(Stage.CONFIRMED, reference=step.data["day"])
    return Told(Stage.PENDING, (step,), wait=DAY, reference=step.data["day"])


def _rows(job: dict[str, Any]) -> list[dict[str, Any]]:
    found = job.get("amplitude_ids")
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


DELETION: Final = Deletion(forget, ask, read, needs=("key", "secret"))
