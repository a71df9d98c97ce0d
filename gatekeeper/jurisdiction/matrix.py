"""The law table for readers. Pure. A `LawTable` in; the compliance matrix and the documentation's tables out.

`python docs/laws.py` writes the tables into `docs/jurisdictions.md`; a test fails when they differ.
"""

from __future__ import annotations

from collections.abc import Sequence

from gatekeeper.counting import counted
from gatekeeper.jurisdiction.laws import LawTable
from gatekeeper.jurisdiction.rows import Row
from gatekeeper.model import ConsentModel, Law, Restriction, Sale

REGIMES = ("gdpr", "ccpa", "cpa", "vcdpa", "tdpsa")

_STRENGTH = (ConsentModel.NONE, ConsentModel.OPT_OUT, ConsentModel.OPT_IN)
_SALES = {
    Sale.MONEY: "money",
    Sale.VALUABLE: "money or other value",
    Sale.SHARING: "money, other value, or sharing for ads",
    Sale.NARROW: "money or other value, not analytics",
}


_COLUMNS = """\
*analytics*, *ads* and *sensitive* (sensitive data): `none` needs no consent, `opt_out` allows until the visitor
objects, `opt_in` needs consent, `banned` is forbidden. *signal*: whether the law requires that browser signals such
as `Sec-GPC` are honoured. *sale*: what counts as a sale of data. *ages*: below the first age a parent consents; after
*ads*, the rule on advertising to known minors. *delete*: the deadline for a request to be erased, and after + by how
many days it may be extended. In *places*, `US-?` and `CA-?` stand for an unknown state or province.
"""


def matrix(table: LawTable, at: float, ids: Sequence[str] = REGIMES) -> dict[str, tuple[str, ...]]:
    """The guide's "multi-state compliance matrix" at a time (Unix seconds): requirement → value per law."""
    laws = [table.law(law_id, at) for law_id in ids]
    return {
        "Consent model": tuple(str(max(law.analytics, law.marketing, key=_STRENGTH.index)) for law in laws),
        "Consent for analytics": tuple(str(law.analytics) for law in laws),
        "Consent for ad tracking": tuple(str(law.marketing) for law in laws),
        "GPC signal": tuple(str(law.opt_out_signal) for law in laws),
        "Right to delete": tuple("yes" if law.delete_right else "no" for law in laws),
        "Data minimization": tuple(law.minimization or "not reviewed" for law in laws),
        "Audit / accountability": tuple(law.accountability or "not reviewed" for law in laws),
    }


def markdown(table: LawTable) -> str:
    """The tables of `docs/jurisdictions.md`: what each law asks, and where that was read."""
    asks = _table(
        "id | law | places | from | until | analytics | ads | signal | sale | sensitive | ages | delete",
        [
            (
                f"`{law.id}`",
                law.name,
                " ".join(row.places),
                law.effective or "",
                law.until or "",
                str(law.analytics),
                str(law.marketing),
                str(law.opt_out_signal),
                "" if law.sale is None else _SALES[law.sale],
                str(law.sensitive),
                _ages(row),
                _deadline(law),
            )
            for row in table.rows
            for law in (row.law,)
        ],
    )
    read = _table(
        "id | from | citation | records | measurement exemption | remarks | uncertain | source | reviewed",
        [
            (
                f"`{law.id}`",
                law.effective or "",
                law.citation,
                law.records,
                _exemptions(row),
                law.note,
                "; ".join(law.uncertain),
                law.source,
                law.reviewed,
            )
            for row in table.rows
            for law in (row.law,)
        ],
    )
    return f"### What each law asks\n\n{_COLUMNS}\n{asks}\n### Duties, remarks and sources\n\n{read}"


def _table(head: str, rows: list[tuple[str, ...]]) -> str:
    titles = tuple(head.split(" | "))
    lines = [titles, ("---",) * len(titles), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _ages(row: Row) -> str:
    law, parts = row.law, []
    if law.child_age is not None:
        parts.append(f"parent under {law.child_age}")
    by_age: dict[int, list[str]] = {}
    for place, age in row.child_ages.items():
        by_age.setdefault(age, []).append(place)
    parts += [f"under {age} in {' '.join(by_age[age])}" for age in sorted(by_age)]
    if law.minor_rule is not Restriction.NONE:
        parts.append(f"ads under {law.minor_age}: {law.minor_rule}")
    return "; ".join(parts)


def _deadline(law: Law) -> str:
    if law.delete_days is None:
        return "yes, no deadline" if law.delete_right else "no"
    days = counted(law.delete_days, f"{law.delete_unit} day")
    days += f" + {law.delete_extension}" if law.delete_extension else ""
    return days if law.delete_right else f"no right; other requests {days}"


def _exemptions(row: Row) -> str:
    parts = [row.law.exemption] if row.law.exemption else []
    return "; ".join(parts + [f"{place}: {text}" for place, text in row.exemptions.items()])
