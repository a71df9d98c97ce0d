"""The guide's matrix of five regimes, and the documentation's tables."""

from __future__ import annotations

from pathlib import Path

from gatekeeper.jurisdiction.matrix import REGIMES, markdown, matrix
from tests.jurisdiction.builders import TABLE, on

GUIDE_DAY = on("2026-04-02")
DOCS = Path(__file__).parents[2] / "docs"

#                            GDPR           CCPA/CPRA    CPA (CO)     VCDPA (VA)       TDPSA (TX)
GUIDE = {
    "Consent model": ("opt_in", "opt_out", "opt_out", "opt_out", "opt_out"),
    "Consent for analytics": ("opt_in", "none", "none", "none", "none"),
    "Consent for ad tracking": ("opt_in", "opt_out", "opt_out", "opt_out", "opt_out"),
    "GPC signal": ("recommended", "required", "required", "not_specified", "not_specified"),
    "Right to delete": ("yes", "yes", "yes", "yes", "yes"),
    "Data minimization": ("explicit", "implicit", "explicit", "implicit", "implicit"),
    "Audit / accountability": ("required", "limited", "limited", "limited", "limited"),
}


def test_the_guides_matrix_but_for_texas() -> None:
    """Every cell of the guide, except one that reality moved past: Texas' signal duty since 2025-01-01."""
    reality = GUIDE | {"GPC signal": (*GUIDE["GPC signal"][:4], "required")}

    assert reality == matrix(TABLE, GUIDE_DAY)


def test_a_policy_can_choose_the_guides_texas() -> None:
    """`[jurisdiction.laws.tdpsa]` brings the guide's own cell back."""
    table = TABLE.replaced({"tdpsa": {"opt_out_signal": "not_specified"}})

    assert matrix(table, GUIDE_DAY) == GUIDE


def test_texas_is_explained() -> None:
    """The decisions say why the table differs from the guide."""
    decisions = "".join(page.read_text("utf-8") for page in DOCS.glob("decisions*.md"))

    assert "541.055(e)" in decisions


def test_the_documentation_shows_the_table() -> None:
    """docs/jurisdictions.md ends with the generated tables; `python docs/laws.py` writes them."""
    page = (DOCS / "jurisdictions.md").read_text("utf-8")

    assert page.endswith(markdown(TABLE))


def test_every_law_is_in_the_documentation() -> None:
    """Each id can be found by its name in the page."""
    page = (DOCS / "jurisdictions.md").read_text("utf-8")

    assert [law_id for law_id in TABLE.ids if f"`{law_id}`" not in page] == []
    assert len(REGIMES) == 5
