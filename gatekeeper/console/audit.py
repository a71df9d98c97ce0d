"""Audit: questions to the log. The words are those of `gatekeeper audit query`, and so are its refusals.

Identifiers stand in the form's body alone. A question without any may be an address, so that it can be kept: it has
closed words and times, and the address of anything else is refused.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from gatekeeper.audit import asking, query
from gatekeeper.audit.segments import holds_log
from gatekeeper.audit.subjects import KINDS
from gatekeeper.console import records, verifying
from gatekeeper.console.page import Answer, Asked, Desk, File, Page, Shown
from gatekeeper.errors import ConfigError
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


def _answer(desk: Desk, words: Mapping[str, str], people: Mapping[str, str], *, csv: bool) -> Answer:
    policy, folder = desk.policy, desk.policy.audit_folder
    rows: list[dict[str, Any]] | None = None
    problem = None
    if words or people or csv:
        now = datetime.fromtimestamp(desk.now, UTC).replace(tzinfo=None)
        try:
            with desk.office.others as others:
                if others or holds_log(folder):
                    which = asking.filter_of(policy, words, people, now, lambda: desk.office.ring, others)
                    rows = query.rows(folder, which, limit=FILE if csv else SHOWN, others=others)
        except ConfigError as error:
            problem = str(error)
    if csv and rows is not None:
        text = io.StringIO()
        query.write_csv(rows, text)
        return File(text.getvalue().encode(), "text/csv; charset=utf-8", "deliveries.csv")
    values = {
        "words": words,
        "people": people,
        "kinds": PEOPLE,
        "known": {word: sorted(asking.known(policy, word)) for word in asking.WORDS},
        "events": sorted({*policy.file.events, *policy.routes}),
        "rows": None if rows is None else [_told(row) for row in rows],
        "problem": problem,
        "most": SHOWN,
        "log": holds_log(folder),
        "verification": verifying.state(policy),
    }
    return Shown("audit.html", values, "Audit", 422 if problem else 200)


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    code = row["reason"]
    known = TABLE.get(code or "")
    words = None if code is None else failures.sentence(code) if known is None else known.sentence
    return {**row, "words": words, "id": str(row["request_id"])}


PAGES: Final = (
    Page("GET", "audit", "read", page, nav="Audit", query=WORDS),
    Page("POST", "audit", "read", ask),
    *records.PAGES,
    *verifying.PAGES,
)
STREAMS: Final = verifying.STREAMS
