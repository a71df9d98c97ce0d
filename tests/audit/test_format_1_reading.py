"""A log of format 1, written by the product of 2026-11-29, is read, asked and told as before."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gatekeeper.audit import numbers, query, read
from gatekeeper.audit.query import Filter, pseudonyms
from gatekeeper.cli import app
from gatekeeper.gate.recompute import Unknowable, Unknown, recompute
from tests.builders import RING, make_gate

OLD = Path(__file__).parents[1] / "vectors" / "audit_format1"
POLICY = '[policy]\nversion = "t"\ncontroller = "c"\n[audit]\npath = "audit"\n[keys]\npath = "keys"\n'


@pytest.fixture
def folder(tmp_path):
    """The old log, and a policy."""
    shutil.copytree(OLD, tmp_path / "audit")
    (tmp_path / "gatekeeper.toml").write_text(POLICY)
    return tmp_path


def test_its_records_are_shown_and_told_in_words(folder):
    """Without what its lines do not have."""
    result = CliRunner().invoke(app, ["audit", "show", "req_old1", "-c", str(folder / "gatekeeper.toml")])
    assert result.exit_code == 0 and "onetrust" in result.output and "is not kept" in result.output
    result = CliRunner().invoke(app, ["audit", "tail", "-n", "3", "--json", "-c", str(folder / "gatekeeper.toml")])
    assert {json.loads(line)["kind"] for line in result.output.splitlines()} >= {"decision", "close"}


def test_its_rows_are_found_by_what_they_were_found_by(folder):
    """A person, a field, an outcome; and numbers over all of it."""
    audit = folder / "audit"
    for person, expected in (({"user_id": "u-77"}, "req_old1"), ({"email": "jane@example.com"}, "req_old2")):
        rows = query.rows(audit, Filter(subjects=pseudonyms(RING, person)), limit=100)
        assert {row["request_id"] for row in rows} == {expected}
    rows = query.rows(audit, Filter(stripped="made_up"), limit=100)
    assert {row["request_id"] for row in rows} == {"req_old1"}
    (period,) = numbers.statistics(audit, Filter()).periods
    assert period.events == 3 and period.delivered == 3


def test_its_decisions_cannot_be_made_again(folder):
    """Their lines do not hold what they were made from; that is said, not guessed."""
    decisions = [record for record in read.records(folder / "audit") if record["kind"] == "decision"]
    assert len(decisions) == 3
    for record in decisions:
        with pytest.raises(Unknowable) as found:
            recompute(record, make_gate().policy)
        assert found.value.why is Unknown.OLD_LINE
