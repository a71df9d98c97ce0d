"""Deletion at PostHog and Matomo: find what is there, delete exactly that, look again. Pure.

    GET    <posthog>/api/projects/<id>/persons/?distinct_id=…       the person's UUID
    DELETE <posthog>/api/projects/<id>/persons/<uuid>/?delete_events=true
    POST   <matomo>/index.php     method=PrivacyManager.findDataSubjects&idSite=…&segment=userId==…
    POST   <matomo>/index.php     …deleteDataSubjects&visits[0][idsite]=…&visits[0][idvisit]=…

What is found must name the person who was asked for, else nothing is deleted: a filter that the vendor ignores finds
everybody. PostHog deletes a person at once and events in the background. Matomo's archived reports are not counted
again. Sources, read 2026-11-30: posthog.com/docs/privacy/data-deletion; matomo-org/matomo,
plugins/PrivacyManager/API.php.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote, urlencode

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
    refusal,
    secret,
    setting,
    unreadable,
)
from gatekeeper.vendors.kind import Destination

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VISITOR: Final = re.compile(r"[0-9a-f]{16}")
_FORM: Final = (("Content-Type", "application/x-www-form-urlencoded"),)


def forget_at_posthog(ids: Ids, to: Destination) -> tuple[Step, ...] | Impossible:
    """A step for each distinct id."""
    found = dict.fromkeys([*ids.of("user_id"), *ids.of("client_id")])
    return tuple(Step("find", {"id": one}) for one in found) or Impossible(NO_IDENTIFIER)


def ask_posthog(step: Step, to: Destination, at: float) -> Outgoing:
    """The look for a person, and the deletion of the one that was found."""
    where = base(to, "https://us.posthog.com", "https://eu.posthog.com")
    persons = f"{where}/api/projects/{quote(str(setting(to, 'project_id')), safe='')}/persons/"
    if step.name == "delete":
        return json_request("DELETE", f"{persons}{quote(step.data['person'], safe='')}/?delete_events=true", bearer(to))
    return json_request("GET", f"{persons}?{urlencode({'distinct_id': step.data['id']})}", bearer(to))


def posthog_forgotten(step: Step, answer: Answer) -> Told:
    """Confirmed when the person is there no more; events follow in the background."""
    refused = refusal(answer)
    if step.name == "delete":
        if refused is not None and answer.status != 404:  # 404: it was deleted before
            return refused
        return Told(Stage.PENDING, (Step("look", {"id": step.data["id"]}),), wait=LOOK)
    if refused is not None:
        return refused
    said = parsed(answer)
    rows = said.get("results") if isinstance(said, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return unreadable()
    if not rows:
        return Told(Stage.NOTHING if step.name == "find" else Stage.CONFIRMED)
    who = step.data["id"]
    if any(who not in _listed(row) for row in rows):
        return another()
    persons = [str(row.get("uuid") or row.get("id")) for row in rows]
    if not all(_UUID.fullmatch(one) for one in persons):
        return unreadable()
    return Told(Stage.PENDING, tuple(Step("delete", {"id": who, "person": one}) for one in persons))


def _listed(row: dict[str, Any]) -> list[object]:
    found = row.get("distinct_ids")
    return found if isinstance(found, list) else []


def forget_at_matomo(ids: Ids, to: Destination) -> tuple[Step, ...] | Impossible:
    """A step for each user id, and for each client id that is one of Matomo's visitors."""
    pairs = [("userId", one) for one in ids.of("user_id")]
    pairs += [("visitorId", one) for one in ids.of("client_id") if _VISITOR.fullmatch(one)]
    return tuple(Step("find", {"by": by, "id": one}) for by, one in pairs) or Impossible(NO_IDENTIFIER)


def ask_matomo(step: Step, to: Destination, at: float) -> Outgoing:
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


def matomo_forgotten(step: Step, answer: Answer) -> Told:
    """Confirmed when no visit is found any more."""
    refused = refusal(answer)
    if refused is not None:
        return refused
    said = parsed(answer)
    if isinstance(said, dict) and said.get("result") == "error":  # a wrong token is answered with 200
        return Told(Stage.REFUSED, wait=86_400.0, why="refused")
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


POSTHOG: Final = Deletion(
    forget_at_posthog,
    ask_posthog,
    posthog_forgotten,
    needs=("token", "project_id"),
    leaves="Events of a deleted person are removed in the background within days.",
)
MATOMO: Final = Deletion(
    forget_at_matomo,
    ask_matomo,
    matomo_forgotten,
    needs=("token", "site_id"),
    leaves="Archived reports, which name nobody, are not counted again.",
)
