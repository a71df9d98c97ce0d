"""The contracts with recipients (GDPR article 28(3)), a checklist per vendor. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gatekeeper.reports.cells import Cell, Document, Origin, Sheet, fill
from gatekeeper.reports.declared import Declared
from gatekeeper.reports.law import clauses, statements
from gatekeeper.vendors.kind import Destination

_PROCESSOR: Final = "processor"


def dpa(declared: Declared, facts: Iterable[tuple[str, str]]) -> Document:
    """A row per destination that another company receives, a column per clause."""
    columns = ("destination", "recipient", "role", "terms", "contract", "signed", *clauses().values(), "missing")
    rows = [_row(declared, to) for to in declared.policy.destinations.values() if declared.external(to)]
    return Document(
        "dpa",
        "Contracts with recipients",
        tuple(facts),
        (Sheet.of("Contracts", columns, rows),),
        statements("art28", "art26"),
    )


def _row(declared: Declared, to: Destination) -> tuple[Cell, ...]:
    where = f"destinations.{to.name}.records"
    role = declared.role(to)
    head = (
        Cell(to.name, Origin.POLICY, f"destinations.{to.name}"),
        declared.recipient(to),
        role,
        declared.terms(to),
        declared.contract(to),
        declared.cell(f"{where}.signed"),
    )
    if role.origin is not Origin.FILL and not role.text.startswith(_PROCESSOR):
        none = Cell("article 28 does not apply", Origin.LAW, "art26")
        checks = [none] * len(clauses())
    else:
        found = set(declared.value(f"{where}.clauses") or ())
        checks = [
            Cell("yes", Origin.POLICY, f"{where}.clauses") if one in found else fill(f"{where}.clauses: {one}")
            for one in clauses()
        ]
    missing = [cell.of for cell in (*head, *checks) if cell.origin is Origin.FILL]
    return (*head, *checks, Cell(f"{len(missing)} of {len(head) + len(checks)}", Origin.PRODUCT, "this row"))
