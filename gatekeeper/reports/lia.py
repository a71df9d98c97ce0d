"""Legitimate interest assessments (GDPR article 6(1)(f)): three tests per destination, prefilled. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

from gatekeeper.model import Purpose
from gatekeeper.reports.cells import Cell, Document, Origin, Sheet
from gatekeeper.reports.declared import Declared
from gatekeeper.reports.law import assessment, statements
from gatekeeper.vendors.kind import Destination

COLUMNS: Final = ("question", "test", "answer")
_OLD: Final = timedelta(days=366)


def lia(declared: Declared, facts: Iterable[tuple[str, str]], today: date) -> Document:
    """A sheet for each destination whose basis is a legitimate interest."""
    sheets = [
        Sheet.of(to.name, COLUMNS, _rows(declared, to, today))
        for to in declared.policy.destinations.values()
        if to.legal_basis == "legitimate_interest"
    ]
    return Document("lia", "Legitimate interest assessments", tuple(facts), tuple(sheets), statements("lia"))


def _rows(declared: Declared, to: Destination, today: date) -> Iterable[tuple[Cell, ...]]:
    where = f"destinations.{to.name}.records.assessment"
    known = _prefilled(declared, to)
    for test, questions in assessment().items():
        for one, question in questions.items():
            answer = declared.cell(f"{where}.{one}", known.get(one))
            if one in ("reviewed", "next_review") and answer.origin is Origin.POLICY:
                answer = _dated(answer, today if one == "next_review" else today - _OLD)
            yield Cell(question, Origin.LAW, "lia"), Cell(test, Origin.LAW, "lia"), answer


def _dated(answer: Cell, earliest: date) -> Cell:
    """A day of the past asks for a new look; so does what is no day."""
    try:
        late = date.fromisoformat(answer.text) < earliest
    except ValueError:
        return Cell(f"{answer.text} is not a day; write 2026-11-30", answer.origin, answer.of, differs=True)
    return Cell(f"{answer.text}, overdue", answer.origin, answer.of, differs=True) if late else answer


def _prefilled(declared: Declared, to: Destination) -> dict[str, Cell]:
    """What the product knows of an answer. Judgements are left to the operator."""
    fields, categories = declared.fields(to), declared.categories(to)
    prefilled = {
        "nature_of_data": Cell(f"{categories.text}: {fields.text}", fields.origin, fields.of),
        "safeguards": Cell(
            "fields by allow-list; personal shapes in texts and addresses are replaced before sending; "
            f"kept for {declared.retention(to).shown}; each decision in the audit log",
            Origin.PRODUCT,
            "docs/scrubbing.md",
        ),
        "less_intrusive": Cell(
            f"of the catalogue's {len(declared.policy.catalogue.by_key)} fields {len(to.fields)} are sent; "
            "fewer can be listed in `fields`",
            Origin.PRODUCT,
            f"destinations.{to.name}.fields",
        ),
    }
    if declared.retention(to).origin is Origin.FILL:
        del prefilled["safeguards"]
    if to.purpose is not Purpose.NECESSARY:
        prefilled["opt_out"] = Cell(
            "yes: a refusal of the purpose, an opt-out and Sec-GPC keep it from being sent",
            Origin.PRODUCT,
            "docs/decisions.md",
        )
    return prefilled
