"""Deletion at Amplitude and Mixpanel: a job that takes days to weeks, and can be asked how far it is. Pure.

    POST <amplitude>/api/2/deletions/users      {"user_ids": […], "requester": "er_…", "ignore_invalid_id": true}
    GET  <amplitude>/api/2/deletions/users?start_day=…&end_day=…        jobs by day: staging, submitted, done
    POST <mixpanel>/api/app/data-deletions/v3.0/?token=…    {"distinct_ids": […], "compliance_type": "GDPR"}
    GET  <mixpanel>/api/app/data-deletions/v3.0/<task id>?token=…

Amplitude runs a job 10 to 13 days after it was asked, mails every administrator, and repeats the requester beside
each person: that is the erasure's id, so that no other's row is taken for ours. Its second version deletes in every
project of the organisation and is not used. Mixpanel's token lasts a year. Sources:
amplitude.com/docs/apis/analytics/user-privacy, docs.mixpanel.com/reference/gdpr-api, read 2026-11-30.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import quote

from gatekeeper.model import Answer, Outgoing
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
    bearer,
    json_request,
    parsed,
    reference,
    refusal,
    secret,
    unreadable,
)
from gatekeeper.vendors.kind import DAY, Destination

_A_CALL: Final = 100  # users that Amplitude takes at once
_CCPA: Final = "ccpa"


def forget_at_amplitude(ids: Ids, to: Destination) -> tuple[Step, ...] | Impossible:
    """User ids only: Amplitude knows nobody by a device id here."""
    users = ids.of("user_id")
    steps = [
        Step("create", {"users": list(users[n : n + _A_CALL]), "requester": ids.erasure})
        for n in range(0, len(users), _A_CALL)
    ]
    return tuple(steps) or Impossible(NO_IDENTIFIER)


def ask_amplitude(step: Step, to: Destination, at: float) -> Outgoing:
    """A job, and the look at the jobs of its day."""
    url = f"{base(to, 'https://amplitude.com', 'https://analytics.eu.amplitude.com')}/api/2/deletions/users"
    pair = b64encode(f"{secret(to, 'key')}:{secret(to, 'secret')}".encode()).decode()
    headers = (("Authorization", "Basic " + pair),)
    if step.name == "status":
        first = date.fromisoformat(step.data["day"])
        return json_request("GET", f"{url}?start_day={first}&end_day={first + timedelta(days=1)}", headers)
    body = {"user_ids": step.data["users"], "requester": step.data["requester"], "ignore_invalid_id": True}
    return json_request("POST", url, headers, body)


def amplitude_forgotten(step: Step, answer: Answer) -> Told:
    """Confirmed when the job that has our rows is done."""
    refused = refusal(answer)
    if refused is not None:
        return refused
    said = parsed(answer)
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


def forget_at_mixpanel(ids: Ids, to: Destination) -> tuple[Step, ...] | Impossible:
    """All ids in one task: a device id is the distinct id of who never logged in, with or without its prefix."""
    devices = ids.of("client_id")
    found = dict.fromkeys([*ids.of("user_id"), *devices, *(f"$device:{one}" for one in devices)])
    law = "CCPA" if ids.law == _CCPA else "GDPR"
    return (Step("create", {"ids": list(found), "type": law}),) if found else Impossible(NO_IDENTIFIER)


def ask_mixpanel(step: Step, to: Destination, at: float) -> Outgoing:
    """A task, and the look at it."""
    where = base(to, "https://mixpanel.com", "https://eu.mixpanel.com")
    token = quote(secret(to, "project_token"), safe="")
    if step.name == "status":
        task = quote(step.data["task"], safe="")
        return json_request("GET", f"{where}/api/app/data-deletions/v3.0/{task}?token={token}", bearer(to))
    return json_request(
        "POST",
        f"{where}/api/app/data-deletions/v3.0/?token={token}",
        bearer(to),
        {"distinct_ids": step.data["ids"], "compliance_type": step.data["type"]},
    )


def mixpanel_forgotten(step: Step, answer: Answer) -> Told:
    """Confirmed when the task says SUCCESS."""
    refused = refusal(answer)
    if refused is not None:
        return refused
    said = parsed(answer)
    found = said.get("results") if isinstance(said, dict) else None
    if not isinstance(found, dict):
        return unreadable()
    if step.name == "create":
        number = reference(found.get("task_id"))
        if number is None:
            return unreadable()
        return Told(Stage.PENDING, (Step("status", {"task": number}),), wait=DAY, reference=number)
    word = found.get("status")
    if word == "SUCCESS":
        return Told(Stage.CONFIRMED, reference=step.data["task"])
    if word in ("FAILURE", "REVOKED", "NOT_FOUND"):
        return Told(Stage.REFUSED, wait=DAY, why=str(word).lower())
    return Told(Stage.PENDING, (step,), wait=DAY, reference=step.data["task"])


AMPLITUDE: Final = Deletion(forget_at_amplitude, ask_amplitude, amplitude_forgotten, needs=("key", "secret"))
MIXPANEL: Final = Deletion(forget_at_mixpanel, ask_mixpanel, mixpanel_forgotten, needs=("token", "project_token"))
