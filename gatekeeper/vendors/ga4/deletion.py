"""Deletion of a person at Google Analytics: the User Deletion API. Pure.

    POST <base>/analytics/v3/userDeletion/userDeletionRequests:upsert
    {"kind": "analytics#userDeletionRequest", "id": {"type": "CLIENT_ID", "userId": …}, "propertyId": …}

One identifier a request, 500 requests a day per project. The answer repeats the request with `deletionRequestTime`.
There is no call that says when it is done: the user report within 72 hours, the servers in a cycle of two months. An
export to BigQuery is the operator's own. Source: developers.google.com/analytics/devguides/config/userdeletion/v3,
read 2026-11-30.
"""

from __future__ import annotations

import re
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
    bearer,
    json_request,
    setting,
    unreadable,
)
from gatekeeper.vendors.kind import DAY, Destination

_COOKIE: Final = re.compile(r"GA\d\.\d\.(.+)")
_KIND: Final = "analytics#userDeletionRequest"


def forget(ids: Ids, to: Destination) -> tuple[Step, ...] | Impossible:
    """A step for each client id, those that were derived among them, and for the user ids that are sent there."""
    clients = [match[1] if (match := _COOKIE.fullmatch(value)) else value for value in ids.of("client_id")]
    users = ids.of("user_id") if "user_id" in to.fields else ()
    pairs = [*(("CLIENT_ID", value) for value in clients), *(("USER_ID", value) for value in users)]
    steps = tuple(
        Step("upsert", {"type": kind, "id": value, "property": setting(to, "property_id")})
        for kind, value in dict.fromkeys(pairs)
    )
    return steps or Impossible(NO_IDENTIFIER)


def ask(step: Step, to: Destination, at: float) -> Outgoing:
    """The request that deletes what one identifier sent."""
    return json_request(
        "POST",
        f"{base(to, 'https://www.googleapis.com')}/analytics/v3/userDeletion/userDeletionRequests:upsert",
        bearer(to),
        {
            "kind": _KIND,
            "id": {"type": step.data["type"], "userId": step.data["id"]},
            "propertyId": step.data["property"],
        },
    )


def read(step: Step, said: Any) -> Told:
    """Accepted, where Google repeats this very request with a time."""
    if not isinstance(said, dict) or not isinstance(said.get("id"), dict) or not said.get("deletionRequestTime"):
        return unreadable()
    about = (said["id"].get("type"), said["id"].get("userId"), str(said.get("propertyId")))
    if about != (step.data["type"], step.data["id"], str(step.data["property"])):
        return another()
    return Told(Stage.ACCEPTED)


DELETION: Final = Deletion(
    forget,
    ask,
    read,
    needs=("token", "property_id"),
    assumed_after=72 * DAY,
    leaves="Reports that count people without naming them stay.",
)
