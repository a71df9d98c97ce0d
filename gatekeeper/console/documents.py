"""Reports: the documents that follow from the policy and the log, to be downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gatekeeper.console.page import Answer, Asked, Desk, File, Page, Shown
from gatekeeper.errors import EventError
from gatekeeper.reports import made, self_audit
from gatekeeper.reports.current import current
from gatekeeper.reports.formats import FORMATS, MEDIA
from gatekeeper.reports.notice import LANGUAGES

TITLES: Final[Mapping[str, str]] = {
    "ropa": "Record of processing activities (GDPR article 30)",
    "dpa": "Contracts with processors (GDPR article 28)",
    "lia": "Assessments of legitimate interests",
    "privacy-notice": "What visitors are told (GDPR articles 13 and 14)",
    "transfers": "Transfers to third countries",
}


def page(desk: Desk, asked: Asked) -> Answer:
    """All documents, and what the last self-audit found."""
    values = {
        "documents": {name: TITLES.get(name, name) for name in made.NAMES}, "formats": list(FORMATS),
        "observed": made.OBSERVED, "languages": sorted(LANGUAGES), "audited": self_audit.latest(desk.policy),
    }  # fmt: skip
    return Shown("documents.html", values, "Reports")


def document(desk: Desk, asked: Asked) -> Answer:
    """One document as a file, with what the log of the last 30 days shows."""
    name, form = asked.parts[0], asked.query.get("format", "html")
    language = asked.query.get("language", "en")
    if name not in made.NAMES:
        raise EventError(404, "there is no such report")
    if form not in FORMATS or language not in LANGUAGES:
        raise EventError(
            422, "is not one that documents are written in", field="format" if form not in FORMATS else "language"
        )
    desk.office.record(f"reports/{name}")
    data = FORMATS[form](current(name, desk.policy, desk.now, language, lambda: desk.office.others))
    return File(data, MEDIA[form], f"{name}.{form}")


PAGES: Final = (
    Page("GET", "documents", "report", page, nav="Reports"),
    Page("GET", "documents/{}", "report", document, query=("format", "language")),
)
