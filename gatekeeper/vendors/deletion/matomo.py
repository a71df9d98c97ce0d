"""Deletion at Matomo: find the visits, delete exactly those, look again. Pure.

    POST <base>/index.php     method=PrivacyManager.findDataSubjects&idSite=…&segment=userId==…
    POST <base>/index.php     …deleteDataSubjects&visits[0][idsite]=…&visits[0][idvisit]=…

What is found must name the person who was asked for, else nothing is deleted: a filter that the vendor ignores finds
everybody. Archived reports are not counted again. Source: matomo-org/matomo, plugins/PrivacyManager/API.php, read
2026-11-30.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote, urlencode

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
    secret,
    setting,
    unreadable,
)
from gatekeeper.vendors.kind import DAY, Destination

_VISITOR: Final = re.compile(r"[0-9a-f]{16}")
_FORM: Final = (("Content-Type", "application/x-www-form-urlencoded"),)


def forget(ids: Ids, to: Destination) -> tuple[Step, ...] | Impossible:
    """A step for each user id, and for each client id that is one of Matomo's visitors."""
    pairs = [("userId", one) for one in ids.of("user_id")]
    pairs += [("visitorId", one) for one in ids.of("client_id") if _VISITOR.fullmatch(one)]
    return tuple(Step("find", {"by": by, "id": one}) for by, one in pairs) or Impossible(NO_IDENTIFIER)


def ask(step: Step, to: Destination, at: float) -> Outgoing:
    """The look for visits, and the deletion of those that were found."""
    pairs = [("module", "API"), ("format", "json"), ("token_auth", secret(to, "token"))]
    if step.name == "delete":
        pairs.append(("method", "PrivacyManager.deleteDataSubjects"))
        for n, (site, visit) in enumerate(step.data["visits"]):
            pairs += [(f"visits[{n}][idsite]", str(site)), (f"visits[{n}][idvisit]", str(visit))]
    else:
        segment = f"{step.data['by']}=={quote(step.data['id'], safe='')}"
        pairs += [("method", "PrivacyManager.findDataSubjects"), ("idSite", str(setting(to, "site_id"))),
                  ("segment", segment)]  # fmt: skip
    return Outgoing("POST", f"{base(to, to.endpoint)}/index.php", _FORM, urlencode(pairs).encode())


def read(step: Step, said: Any) -> Told:
    """Confirmed when no visit is found any more."""
    if isinstance(said, dict) and said.get("result") == "error":  # a wrong token is answered with 200
        return Told(Stage.REFUSED, wait=DAY, why="refused")
    if step.name == "delete":
        if not isinstance(said, (dict, list)):
            return unreadable()
        return Told(Stage.PENDING, (Step("look", {"by": step.data["by"], "id": step.data["id"]}),))
    if not isinstance(said, list) or not all(isinstance(row, dict) for row in said):
        return unreadable()
    if not said:
        return Told(Stage.NOTHING if step.name == "find" else Stage.CONFIRMED)
    if any(str(row.get(step.data["by"])) != step.data["id"] for row in said):
        return another()
    visits = [(row.get("idSite"), row.get("idVisit")) for row in said]
    if not all(str(site).isdigit() and str(visit).isdigit() for site, visit in visits):
        return unreadable()
    again = {"by": step.data["by"], "id": step.data["id"], "visits": [[int(s), int(v)] for s, v in visits]}
    return Told(Stage.PENDING, (Step("delete", again),))


DELETION: Final = Deletion(
    forget,
    ask,
    read,
    needs=("token", "site_id"),
    leaves="Archived reports, which name no person, are not counted again.",
)
