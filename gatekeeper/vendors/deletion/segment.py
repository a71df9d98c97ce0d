"""Deletion at Segment and RudderStack: each calls it a regulation. Pure.

    POST api.segmentapis.com/regulations    {"regulationType": "SUPPRESS_WITH_DELETE", "subjectType": "USER_ID", …}
    GET  api.segmentapis.com/regulations/<id>       `overallStatus`
    POST api.rudderstack.com/v2/regulations         {"regulationType": "suppress_with_delete", "users": […], …}

Both know a person by the user id alone, forward what they are asked to the platforms behind them, and guarantee
nothing of those; RudderStack has no status. Sources, read 2026-11-30: Segment's Public API (its SDK's reference of
Deletion and Suppression) and twilio.com/docs/segment/privacy/user-deletion-and-suppression;
rudderstack.com/docs/api/user-suppression-api.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from gatekeeper.model import Answer, Outgoing
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
    parsed,
    reference,
    refusal,
    setting,
    unreadable,
)
from gatekeeper.vendors.kind import DAY, Destination

_OVER: Final = {"FAILED": "failed", "INVALID": "invalid", "NOT_SUPPORTED": "not_supported",
                "PARTIAL_SUCCESS": "partial_success"}  # fmt: skip
_LEAVES: Final = "The platforms behind it are asked in turn, and guarantee nothing."


def _users(ids: Ids, to: Destination) -> tuple[Step, ...] | Impossible:
    users = ids.of("user_id")
    return (Step("create", {"users": list(users)}),) if users else Impossible(NO_IDENTIFIER)


def ask_segment(step: Step, to: Destination, at: float) -> Outgoing:
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


def segment_forgotten(step: Step, answer: Answer) -> Told:
    """Confirmed when the regulation is FINISHED."""
    refused = refusal(answer)
    if refused is not None:
        return refused
    said = parsed(answer)
    data = said.get("data") if isinstance(said, dict) else None
    if not isinstance(data, dict):
        return unreadable()
    if step.name == "create":
        number = reference(data.get("regulateId"))
        if number is None:
            return unreadable()
        return Told(Stage.PENDING, (Step("status", {"id": number}),), wait=LOOK, reference=number)
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


def ask_rudderstack(step: Step, to: Destination, at: float) -> Outgoing:
    """A regulation for the destinations that the policy names by their ids."""
    where = base(to, "https://api.rudderstack.com", "https://api.eu.rudderstack.com")
    return json_request(
        "POST",
        f"{where}/v2/regulations",
        bearer(to),
        {
            "regulationType": "suppress_with_delete",
            "destinationIds": list(setting(to, "destination_ids")),
            "users": [{"userId": one} for one in step.data["users"]],
        },
    )


def rudderstack_forgotten(step: Step, answer: Answer) -> Told:
    """Accepted, where there is a regulation for each user, and for no other."""
    refused = refusal(answer)
    if refused is not None:
        return refused
    said = parsed(answer)
    if not isinstance(said, list) or not said:
        return unreadable()
    users = {one["attributes"].get("userId") for one in said if isinstance(one, dict) and _attributed(one)}
    if users != set(step.data["users"]):
        return another()
    return Told(Stage.ACCEPTED, reference=reference(said[0].get("id")))


def _attributed(one: dict[str, object]) -> bool:
    return isinstance(one.get("attributes"), dict)


SEGMENT: Final = Deletion(_users, ask_segment, segment_forgotten, needs=("token",), leaves=_LEAVES)
RUDDERSTACK: Final = Deletion(
    _users, ask_rudderstack, rudderstack_forgotten, needs=("token", "destination_ids"), leaves=_LEAVES
)
