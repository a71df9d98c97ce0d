"""Deletion at PostHog: find the person, delete exactly that one, look again. Pure.

    GET    <base>/api/projects/<id>/persons/?distinct_id=…       the person's UUID
    DELETE <base>/api/projects/<id>/persons/<uuid>/?delete_events=true

What is found must name the person who was asked for, else nothing is deleted: a filter that the vendor ignores finds
everybody. A person is deleted at once, events in the background. Source: posthog.com/docs/privacy/data-deletion, read
2026-11-30.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote, urlencode

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
    setting,
    unreadable,
)
from gatekeeper.vendors.kind import Destination

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def forget(ids: Ids, to: Destination) -> tuple[Step, ...] | Impossible:
    """A step for each distinct id."""
    found = dict.fromkeys([*ids.of("user_id"), *ids.of("client_id")])
    return tuple(Step("find", {"id": one}) for one in found) or Impossible(NO_IDENTIFIER)


def ask(step: Step, to: Destination, at: float) -> Outgoing:
    """The look for a person, and the deletion of the one that was found."""
    where = base(to, "https://us.posthog.com", "https://eu.posthog.com")
    persons = f"{where}/api/projects/{quote(str(setting(to, 'project_id')), safe='')}/persons/"
    if step.name == "delete":
        return json_request("DELETE", f"{persons}{quote(step.data['person'], safe='')}/?delete_events=true", bearer(to))
    return json_request("GET", f"{persons}?{urlencode({'distinct_id': step.data['id']})}", bearer(to))


def read(step: Step, said: Any) -> Told:
    """Confirmed when the person is there no more; events follow in the background."""
    if step.name == "delete":
        return Told(Stage.PENDING, (Step("look", {"id": step.data["id"]}),), wait=LOOK)
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


DELETION: Final = Deletion(
    forget,
    ask,
    read,
    needs=("token", "project_id"),
    leaves="Events of a deleted person are removed in the background within days.",
    gone=("delete",),  # it was deleted before
)
