"""The law table against the 131 researched rows of tests/vectors/jurisdictions.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gatekeeper.model import ConsentModel, SignalDuty
from tests.jurisdiction.builders import TABLE, on

ROWS = json.loads((Path(__file__).parents[1] / "vectors" / "jurisdictions.json").read_text("utf-8"))
RANK = {ConsentModel.NONE: 0, ConsentModel.OPT_OUT: 1, ConsentModel.OPT_IN: 2}
# GB analytics: opt-out only under conditions a gate cannot see (docs/decisions.md); the row itself says so.
STRICTER = {("GB", None)}


def _id(row: dict[str, str]) -> str:
    return f"{row['country']}-{row['region'] or ''}-{row['effective']}"


@pytest.mark.parametrize("row", ROWS, ids=_id)
def test_a_researched_row_is_in_the_table(row: dict[str, object]) -> None:
    """For its place and period the table has a law that asks exactly that, and together they ask no less."""
    country = None if row["country"] == "*" else str(row["country"])
    region = None if row["region"] is None else str(row["region"])
    at = on(max("2026-11-23", str(row["effective"] or "")))
    laws = TABLE.laws_for(country, region, at)
    analytics, marketing = ConsentModel(str(row["analytics"])), ConsentModel(str(row["ads"]))

    assert max(RANK[law.analytics] for law in laws) >= RANK[analytics]
    assert max(RANK[law.marketing] for law in laws) >= RANK[marketing]
    same = [
        law
        for law in laws
        if law.marketing is marketing and (law.analytics is analytics or (country, region) in STRICTER)
    ]
    if row["gpc"] == "required":
        same = [law for law in same if law.opt_out_signal is SignalDuty.REQUIRED]
    if row["child_age"] is not None:
        same = [law for law in same if law.child_age == row["child_age"]]
    same = [law for law in same if law.delete_right == row["delete_right"]]
    same = [law for law in same if law.delete_days == row["delete_deadline_days"]]
    assert same, [(law.id, law.analytics, law.marketing, law.delete_days) for law in laws]


@pytest.mark.parametrize("row", [r for r in ROWS if r["uncertain"] and not r.get("alias_of")], ids=_id)
def test_an_uncertain_cell_is_said_to_be_uncertain(row: dict[str, object]) -> None:
    """What the research was not sure of is marked in the table too."""
    at = on(max("2026-11-23", str(row["effective"] or "")))
    laws = TABLE.laws_for(str(row["country"]), None if row["region"] is None else str(row["region"]), at)

    assert any(law.uncertain for law in laws)


def test_every_row_has_a_source_and_a_review_date() -> None:
    """No legal fact without where and when it was read."""
    assert all(row.law.source and row.law.reviewed for row in TABLE.rows)
