"""Deletion at RudderStack, which calls it a regulation. Pure.

    POST api.rudderstack.com/v2/regulations    {"regulationType": "suppress_with_delete", "users": […], …}

It knows a person by the user id alone and deletes at the destinations behind it that the policy names by their ids; it
has no status, and guarantees nothing of those. Source: rudderstack.com/docs/api/user-suppression-api, read 2026-11-30.
"""

from __future__ import annotations

from typing import Any, Final

from gatekeeper.model import Outgoing
from gatekeeper.vendors.deletion import (
    Deletion,
    Stage,
    Step,
    Told,
    another,
    base,
    bearer,
    json_request,
    reference,
    setting,
    unreadable,
)
from gatekeeper.vendors.deletion.segment import LEAVES, users
from gatekeeper.vendors.kind import Destination


def ask(step: Step, to: Destination, at: float) -> Outgoing:
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


def read(step: Step, said: Any) -> Told:
    """Accepted, where there is a regulation for each user, and for no other."""
    if not isinstance(said, list) or not said:
        return unreadable()
    asked = {one["attributes"].get("userId") for one in said if isinstance(one, dict) and _attributed(one)}
    if asked != set(step.data["users"]):
        return another()
    return Told(Stage.ACCEPTED, reference=reference(said[0].get("id")))


def _attributed(one: dict[str, object]) -> bool:
    return isinstance(one.get("attributes"), dict)


DELETION: Final = Deletion(users, ask, read, needs=("token", "destination_ids"), leaves=LEAVES)
