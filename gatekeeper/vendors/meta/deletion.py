"""Removal of a person from Meta's custom audiences. Pure. Conversion events cannot be deleted one by one.

    DELETE <base>/v26.0/<audience id>/users     {"payload": {"schema": ["EMAIL"], "data": [[<SHA-256>]]}}

At most 10,000 rows a request; changes take up to 24 hours; the answer has counts only. An audience that Meta has
flagged refuses (error 1713230). Source: developers.facebook.com, Marketing API, Custom Audience Users, read
2026-11-30.
"""

from __future__ import annotations

from typing import Any, Final

from gatekeeper.model import Outgoing
from gatekeeper.vendors.deletion import (
    NO_API,
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
    reference,
    setting,
    unreadable,
)
from gatekeeper.vendors.kind import DAY, Destination
from gatekeeper.vendors.meta.events import VERSION


def forget(ids: Ids, to: Destination) -> tuple[Step, ...] | Impossible:
    """A step for each audience that the policy names and each kind of identifier."""
    audiences = setting(to, "audiences") or ()
    if not audiences:
        return Impossible(NO_API)
    kinds = [
        ("EMAIL", ids.hashed("email")),
        ("PHONE", ids.hashed("phone", plus=False)),
        ("EXTERN_ID", ids.hashed("external_id")),
    ]
    steps = tuple(
        Step("remove", {"audience": audience, "schema": schema, "hashes": list(hashes)})
        for audience in audiences
        for schema, hashes in kinds
        if hashes
    )
    return steps or Impossible(NO_IDENTIFIER)


def ask(step: Step, to: Destination, at: float) -> Outgoing:
    """The request that takes a person out of one audience."""
    return json_request(
        "DELETE",
        f"{base(to, 'https://graph.facebook.com')}/{VERSION}/{step.data['audience']}/users",
        bearer(to),
        {"payload": {"schema": [step.data["schema"]], "data": [[one] for one in step.data["hashes"]]}},
    )


def read(step: Step, said: Any) -> Told:
    """Removed from this audience, where the answer counts what was asked."""
    if not isinstance(said, dict) or not isinstance(said.get("num_received"), int):
        return unreadable()
    if str(said.get("audience_id")) != str(step.data["audience"]):
        return another()
    if said["num_received"] < len(step.data["hashes"]):
        return Told(Stage.REFUSED, wait=DAY, why="not_all_received")
    return Told(Stage.REMOVED, reference=reference(said.get("session_id")))


DELETION: Final = Deletion(forget, ask, read, needs=("token",), leaves="Conversion events stay with Meta.")
