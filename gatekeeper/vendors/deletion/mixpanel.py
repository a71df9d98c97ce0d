"""Deletion at Mixpanel: a task that takes weeks, and can be asked how far it is. Pure.

    POST <base>/api/app/data-deletions/v3.0/?token=…    {"distinct_ids": […], "compliance_type": "GDPR"}
    GET  <base>/api/app/data-deletions/v3.0/<task id>?token=…

The token lasts a year. Source: docs.mixpanel.com/reference/gdpr-api, read 2026-11-30.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from gatekeeper.model import Outgoing
from gatekeeper.vendors.deletion import (
    NO_IDENTIFIER,
    Deletion,
    Ids,
    Impossible,
    Stage,
    Step,
    Told,
    base,
    bearer,
    json_request,
    secret,
    under_way,
    unreadable,
)
from gatekeeper.vendors.kind import DAY, Destination

_CCPA: Final = "ccpa"


def forget(ids: Ids, to: Destination) -> tuple[Step, ...] | Impossible:
    """All ids in one task: a device id is the distinct id of who never logged in, with or without its prefix."""
    devices = ids.of("client_id")
    found = dict.fromkeys([*ids.of("user_id"), *devices, *(f"$device:{one}" for one in devices)])
    law = "CCPA" if ids.law == _CCPA else "GDPR"
    return (Step("create", {"ids": list(found), "type": law}),) if found else Impossible(NO_IDENTIFIER)


def ask(step: Step, to: Destination, at: float) -> Outgoing:
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


def read(step: Step, said: Any) -> Told:
    """Confirmed when the task says SUCCESS."""
    found = said.get("results") if isinstance(said, dict) else None
    if not isinstance(found, dict):
        return unreadable()
    if step.name == "create":
        return under_way(found.get("task_id"), "task", DAY)
    word = found.get("status")
    if word == "SUCCESS":
        return Told(Stage.CONFIRMED, reference=step.data["task"])
    if word in ("FAILURE", "REVOKED", "NOT_FOUND"):
        return Told(Stage.REFUSED, wait=DAY, why=str(word).lower())
    return Told(Stage.PENDING, (step,), wait=DAY, reference=step.data["task"])


DELETION: Final = Deletion(forget, ask, read, needs=("token", "project_token"))
