"""People: a person is looked for by what they are known by, their story told, and what they ask for done.

Identifiers stand in forms alone: never in an address, a title or a line of the log. The acts are those of the commands
and of the admin API (`rights/office.py`, `rights/erasures.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from gatekeeper.audit.subjects import KINDS
from gatekeeper.console.page import Answer, Asked, Desk, File, Later, Moved, Page, Shown
from gatekeeper.errors import ConfigError, EventError
from gatekeeper.model import OPTIONAL, Heard, Purpose
from gatekeeper.model.suppression import Why
from gatekeeper.rights.copy import FORMATS
from gatekeeper.rights.office import USUAL
from gatekeeper.rights.states import REFUSALS, State
from gatekeeper.rights.story import story

ROWS: Final = 3  # identifiers that a form takes at once
SHOWN: Final = 200  # moments of a story that a page shows
LINK: Final = "link-"  # begins the name of a box that is ticked for a linked identifier
MEDIA: Final = {"json": "application/json", "csv": "text/csv; charset=utf-8", "html": "text/html; charset=utf-8"}
_FIRST: Final = ("email", "phone", "user_id")  # what people say of themselves
KNOWN_AS: Final = (*_FIRST, *[row.option for row in KINDS.values() if row.option not in _FIRST])
WHYS: Final[Mapping[Why, str]] = {
    Why.OBJECTED: "they object to marketing", Why.OPTED_OUT: "they opt out of sale and sharing",
    Why.ERASED: "their data were erased elsewhere",
}  # fmt: skip


def page(desk: Desk, asked: Asked) -> Answer:
    """Whom to look for, and the requests that there are."""
    state = asked.query.get("state")
    if state is not None and state not in {one.value for one in State}:
        raise EventError(422, "is not a state of a request", field="state")
    values = {
        "kinds": KNOWN_AS, "rows": range(1, ROWS + 1), "requests": desk.erasures.all(state), "state": state,
        "states": [one.value for one in State], "entries": dict(desk.store.suppressions.count()),
        "four_eyes": desk.policy.file.rights.four_eyes,
    }  # fmt: skip
    return Shown("people.html", values, "People")


def search(desk: Desk, asked: Asked) -> Answer:
    """What there is of a person, in words."""
    given, link = _person(asked)
    desk.office.wanted(given)
    later = Later("person_found.html", partial(_found, desk, asked, given, link))
    return Shown("person.html", {}, "A person", later=later)


def _found(desk: Desk, asked: Asked, given: list[tuple[str, str]], link: list[str]) -> dict[str, Any]:
    """Their story, and what may be done. Raises AuditError, StorageError."""
    copy, offered = desk.office.look(given, link)
    moments = story(copy)
    return {
        "given": given, "link": link, "copy": copy, "offered": offered, "story": moments[-SHOWN:],
        "hidden": max(0, len(moments) - SHOWN), "is_empty": not any(copy["stores"].values()), "formats": FORMATS,
        "laws": desk.policy.laws.ids, "whys": {one.value: word for one, word in WHYS.items()}, "may": asked.may,
        "purposes": [one.value for one in OPTIONAL], "refusals": REFUSALS,
    }  # fmt: skip


def export(desk: Desk, asked: Asked) -> Answer:
    """Their copy, as a file."""
    given, link = _person(asked)
    form = asked.form.get("format", "json")
    if form not in FORMATS:
        raise EventError(422, f"is not one of {', '.join(FORMATS)}", field="format")
    return File(desk.office.export(given, form, link), MEDIA[form], f"copy.{form}")


def suppress(desk: Desk, asked: Asked) -> Answer:
    """Nothing that needs their consent is sent from now on."""
    given, _ = _person(asked)
    try:
        why = Why(asked.form.get("why", ""))
        chosen = [Purpose(one.value) for one in OPTIONAL if asked.form.get(f"purpose-{one.value}")] or USUAL[why]
    except ValueError:
        raise EventError(422, "is not a reason", field="why") from None
    group, done = desk.office.suppress(given, why=why, purposes=chosen)
    values = {"group": group, "cancelled": done.cancelled, "late": done.heard is Heard.NOT_YET,
              "purposes": [one.value for one in chosen]}  # fmt: skip
    return Shown("suppressed.html", values, "Suppressed")


def unsuppress(desk: Desk, asked: Asked) -> Answer:
    """The entries of a person are deleted."""
    given, _ = _person(asked)
    return Shown("unsuppressed.html", {"removed": desk.office.remove(given)}, "No longer suppressed")


def erase(desk: Desk, asked: Asked) -> Answer:
    """A request for erasure is taken in; on to its page."""
    given, link = _person(asked)
    form = asked.form
    desk.office.record("erasures/request", kinds=[kind for kind, _ in given if kind in KNOWN_AS])
    found = desk.erasures.request(
        [{"type": kind, "value": value} for kind, value in given], by=desk.office.who, link=link,
        law=form.get("law") or None, verified_by=form.get("verified_by") or None,
        note_code=form.get("note_code") or None,
    )  # fmt: skip
    return Moved(f"people/erasures/{found['id']}")


def _person(asked: Asked) -> tuple[list[tuple[str, str]], list[str]]:
    """The identifiers of a form, and the linked ones that were ticked. Raises ConfigError where there is none."""
    form: Mapping[str, Any] = asked.form
    rows = [(form.get(f"type{n}", ""), form.get(f"value{n}", "").strip()) for n in range(1, ROWS + 1)]
    given = [(kind, value) for kind, value in rows if value]
    if not given:
        raise ConfigError("identifiers: there is none; give at least one, such as an e-mail address or a user id")
    return given, [name.removeprefix(LINK) for name, value in form.items() if name.startswith(LINK) and value]


PAGES: Final = (
    Page("GET", "people", "read", page, nav="People", query=("state",)),
    Page("POST", "people/search", "read", search),
    Page("POST", "people/export", "read", export),
    Page("POST", "people/suppress", "suppress", suppress),
    Page("POST", "people/unsuppress", "suppress", unsuppress),
    Page("POST", "people/erase", "erase", erase),
)
