"""Audit: questions to the log. The words are those of `gatekeeper audit query`, and so are its refusals.

Identifiers stand in the form's body alone. A question without any may be an address, so that it can be kept: it has
closed words and times, and the address of anything else is refused.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from gatekeeper.audit import asking, query
from gatekeeper.audit.segments import holds_log
from gatekeeper.audit.subjects import KINDS
from gatekeeper.console import records, verifying
from gatekeeper.console.page import Answer, Asked, Desk, File, Later, Moved, Page, Shown
from gatekeeper.errors import ConfigError, EventError
from gatekeeper.model.reasons import TABLE
from gatekeeper.vendors import failures

SHOWN: Final = 100  # rows of a page
FILE: Final = 10_000  # rows of a file
PEOPLE: Final = {kind.option: kind.help.rstrip(".") for kind in KINDS.values()} | {
    asking.PSEUDONYM: "A pseudonym of the log"
}
WORDS: Final = (*asking.TIMES, *(word for word in asking.WORDS if word != "event"))  # what an address may hold
_MOST: Final = 512  # characters of what is looked for


def page(desk: Desk, asked: Asked) -> Answer:
    """The form, and the newest rows of what an address asks for."""
    return _answer(desk, dict(asked.query), {}, csv=False)


def ask(desk: Desk, asked: Asked) -> Answer:
    """The rows of what a form asks for, as a page or as a file."""
    given = {name: value.strip()[:_MOST] for name, value in asked.form.items() if value.strip()}
    words = {name: given[name] for name in (*WORDS, "event") if name in given}
    people = {name: given[name] for name in PEOPLE if name in given}
    if people:
        desk.office.record("audit/query", kinds=people.keys())
    return _answer(desk, words, people, csv=given.get("as") == "csv")


def record(desk: Desk, asked: Asked) -> Answer:
    """On to the record of an id."""
    name = asked.query.get("id", "").strip()
    if not records.is_name(name):
        raise EventError(422, "is not the id of a record, which is req_… or con_…", field="id")
    return Moved(f"audit/records/{name}")


def _answer(desk: Desk, words: Mapping[str, str], people: Mapping[str, str], *, csv: bool) -> Answer:
    policy = desk.policy
    if csv:
        text = io.StringIO()
        query.write_csv(_rows(desk, words, people, FILE), text)
        return File(text.getvalue().encode(), "text/csv; charset=utf-8", "deliveries.csv")
    known = {word: sorted(asking.known(policy, word)) for word in asking.WORDS}
    values = {
        "words": words, "people": people, "kinds": PEOPLE, "known": known, "most": SHOWN,
        "events": sorted({*policy.file.events, *policy.routes}), "log": holds_log(policy.audit_folder),
        "verification": verifying.state(policy), "problem": None, "rows": None,
    }  # fmt: skip
    later = Later("audit_rows.html", partial(_found, desk, words, people)) if words or people else None
    return Shown("audit.html", values, "Audit", later=later)


def _found(desk: Desk, words: Mapping[str, str], people: Mapping[str, str]) -> dict[str, Any]:
    """The newest rows, or why there are none."""
    try:
        return {"rows": [_told(row) for row in _rows(desk, words, people, SHOWN)]}
    except ConfigError as error:
        return {"problem": str(error), "status": 422}


def _rows(desk: Desk, words: Mapping[str, str], people: Mapping[str, str], most: int) -> list[dict[str, Any]]:
    """What is asked for. Raises ConfigError, AuditError, StorageError."""
    policy, folder = desk.policy, desk.policy.audit_folder
    now = datetime.fromtimestamp(desk.now, UTC).replace(tzinfo=None)
    with desk.office.others as others:
        if not others and not holds_log(folder):
            return []
        which = asking.filter_of(policy, words, people, now, lambda: desk.office.ring, others)
        return query.rows(folder, which, limit=most, others=others)


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    code = row["reason"]
    known = TABLE.get(code or "")
    words = None if code is None else failures.sentence(code) if known is None else known.sentence
    return {**row, "words": words, "id": str(row["request_id"])}


PAGES: Final = (
    Page("GET", "audit", "read", page, nav="Audit", query=WORDS),
    Page("POST", "audit", "read", ask),
    Page("GET", "audit/record", "read", record, query=("id",)),
    *records.PAGES,
    *verifying.PAGES,
)
STREAMS: Final = verifying.STREAMS
