"""Removal of a person from Google Ads audiences, by the Data Manager API. Pure. Conversions cannot be deleted.

    POST <base>/v1/audienceMembers:remove          {"destinations": […], "audienceMembers": […], "encoding": "HEX"}
    GET  <base>/v1/requestStatus:retrieve?requestId=…      the first look after 30 minutes

Source: developers.google.com/data-manager/api/reference/rest/v1 (audienceMembers.remove, requestStatus.retrieve,
Destination), read 2026-11-30. A conversion can be retracted, which leaves it there with the value 0.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from gatekeeper.model import Outgoing
from gatekeeper.vendors.deletion import (
    LOOK,
    NO_API,
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
    setting,
    under_way,
    unreadable,
)
from gatekeeper.vendors.google.events import digits
from gatekeeper.vendors.kind import DAY, Destination

_FIRST: Final = 1_800.0  # seconds


def forget(ids: Ids, to: Destination) -> tuple[Step, ...] | Impossible:
    """One step for all audiences that the policy names."""
    audiences = setting(to, "audiences") or ()
    if not audiences:
        return Impossible(NO_API)
    emails, phones = ids.hashed("email"), ids.hashed("phone")
    if not emails and not phones:
        return Impossible(NO_IDENTIFIER)
    return (Step("remove", {"audiences": list(audiences), "emails": list(emails), "phones": list(phones)}),)


def ask(step: Step, to: Destination, at: float) -> Outgoing:
    """The request that removes, and the one that asks how far it is."""
    where = base(to, "https://datamanager.googleapis.com")
    if step.name == "status":
        url = f"{where}/v1/requestStatus:retrieve?requestId={quote(step.data['request'], safe='')}"
        return json_request("GET", url, bearer(to))
    account = {"accountType": "GOOGLE_ADS", "accountId": digits(to.settings["customer_id"])}
    login = to.settings.get("login_customer_id")
    through = {} if login is None else {"loginAccount": {"accountType": "GOOGLE_ADS", "accountId": digits(login)}}
    identifiers = [{"emailAddress": one} for one in step.data["emails"]]
    identifiers += [{"phoneNumber": one} for one in step.data["phones"]]
    return json_request(
        "POST",
        f"{where}/v1/audienceMembers:remove",
        bearer(to),
        {
            "destinations": [
                {"operatingAccount": account, **through, "productDestinationId": one} for one in step.data["audiences"]
            ],
            "audienceMembers": [{"userData": {"userIdentifiers": identifiers}}],
            "encoding": "HEX",
        },
    )


def read(step: Step, said: Any) -> Told:
    """Removed when every destination of the request says SUCCESS."""
    if not isinstance(said, dict):
        return unreadable()
    if step.name == "remove":
        return under_way(said.get("requestId"), "request", _FIRST)
    rows = said.get("requestStatusPerDestination")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        return unreadable()
    words = {row.get("requestStatus") for row in rows}
    if words == {"SUCCESS"}:
        return Told(Stage.REMOVED, reference=step.data["request"])
    if words & {"FAILURE", "FAILED", "PARTIAL_SUCCESS"}:
        return Told(Stage.REFUSED, wait=DAY, why="partial_success" if "PARTIAL_SUCCESS" in words else "failed")
    return Told(Stage.PENDING, (step,), wait=LOOK, reference=step.data["request"])


DELETION: Final = Deletion(forget, ask, read, needs=("token",), leaves="Conversions stay with Google Ads.")
