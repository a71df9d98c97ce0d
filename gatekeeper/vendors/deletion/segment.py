"""Deletion at Segment, which calls it a regulation. Pure.

    POST api.segmentapis.com/regulations    {"regulationType": "SUPPRESS_WITH_DELETE", "subjectType": "USER_ID", …}
    GET  api.segmentapis.com/regulations/<id>       `overallStatus`

It knows a person by the user id alone, forwards what it is asked to the platforms behind it, and guarantees nothing of
those. Sources, read 2026-11-30: Segment's Public API (its SDK's reference of Deletion and Suppression) and
twilio.com/docs/segment/privacy/user-deletion-and-suppression.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from gatekeeper.model import Outgoing
from gatekeeper.vendors.deletion import (
    LOOK,
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
    under_way,
    unreadable,
)
from gatekeeper.vendors.kind import DAY, Destination

_OVER: Final = {"FAILED": "failed", "INVALID": "invalid", "NOT_SUPPORTED": "not_supported",
                "PARTIAL_SUCCESS": "partial_success"}  # fmt: skip
LEAVES: Final = "The platforms behind it are asked in turn, and guarantee nothing."


def users(ids: Ids, to: Destination) -> tuple[Step, ...] | Impossible:
    """One step with every user id."""
    found = ids.of("user_id")
    return (Step("create", {"users": list(found)}),) if found else Impossible(NO_IDENTIFIER)


def ask(step: Step, to: Destination, at: float) -> Outgoing:
    """A regulation of the workspace, and the look at it."""
    where = base(to, "https://api.segmentapis.com", "https://eu1.api.segmentapis.com")
    if step.name == "status":
        return json_request("GET", f"{where}/regulations/{quote(step.data['id'], safe='')}", bearer(to))
    return json_request(
        "POST",
        f"{where}/regulations",
        bearer(to),
        {"regulationType": "SUPPRESS_WITH_DELETE", "subjectType": "USER_ID", "subjectIds": step.data["users"]},
    )


def read(step: Step, said: Any) -> Told:
    """Confirmed when the regulation is FINISHED."""
    data = said.get("data") if isinstance(said, dict) else None
    if not isinstance(data, dict):
        return unreadable()
    if step.name == "create":
        return under_way(data.get("regulateId"), "id", LOOK)
    found = data.get("regulation")
    if not isinstance(found, dict):
        return unreadable()
    if found.get("id") != step.data["id"]:
        return another()
    word = found.get("overallStatus")
    if word == "FINISHED":
        return Told(Stage.CONFIRMED, reference=step.data["id"])
    if word in _OVER:
        return Told(Stage.REFUSED, wait=DAY, why=_OVER[word])
    return Told(Stage.PENDING, (step,), wait=LOOK, reference=step.data["id"])


DELETION: Final = Deletion(users, ask, read, needs=("token",), leaves=LEAVES)
