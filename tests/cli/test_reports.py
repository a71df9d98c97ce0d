"""`gatekeeper report ropa`, `dpa`, `lia`, `privacy-notice` and `transfers`, as a user types them."""

import io
import json

import openpyxl
import pytest

from tests.cli.test_cli import POLICY
from tests.reports.builders import line, write

REPORTS = ("ropa", "dpa", "lia", "privacy-notice", "transfers")
FORMATS = ("md", "html", "csv", "xlsx", "json")
COMPLETE = """
[policy]
version = "t"
controller = "Example Shop GmbH"
[audit]
path = "audit"
[controller]
address = "Street 1"
contact = "privacy@shop.example"
storage = "DE"
[records]
dpo = "none"
representative = "none"
joint = "none"
authority = "the authority"
persons = "visitors"
source = "none"
special = "none"
organisation = "handbook"
impact_assessment = "none: low risk"
automated_decisions = "none"
obligation = "nobody must"
[destinations.own]
kind = "first_party"
endpoint = "https://own.example/events"
retention = "90d"
fields = ["page_url", "session_id", "order_value"]
[destinations.ga4]
kind = "ga4"
measurement_id = "G-TEST"
api_secret = { env = "GA4_API_SECRET" }
dpa = "terms"
retention = "14d"
[destinations.ga4.records]
countries = ["IE"]
signed = 2026-01-15
clauses = ["instructions", "confidentiality", "security", "subprocessors", "rights", "assistance", "deletion", "audits"]
"""


@pytest.mark.parametrize("report", REPORTS)
def test_each_report_is_written_in_each_format(gatekeeper, tmp_path, report):
    """By the ending of the file, and by `--format` whatever the ending."""
    (tmp_path / "gatekeeper.toml").write_text(POLICY)
    for kind in FORMATS:
        gatekeeper("report", report, "--out", f"made.{kind}", code=0)
        assert (tmp_path / f"made.{kind}").stat().st_size > 500
    gatekeeper("report", report, "--out", "made.txt", "--format", "json", code=0)
    assert json.loads((tmp_path / "made.txt").read_text("utf-8"))["report"] == report
    assert openpyxl.load_workbook(io.BytesIO((tmp_path / "made.xlsx").read_bytes())).sheetnames
    assert gatekeeper("report", report, code=0).stdout.startswith("# ")


@pytest.mark.parametrize("report", REPORTS)
def test_check_fails_until_everything_is_filled_in(gatekeeper, tmp_path, report):
    """A bare policy, then one with every answer, over a log that fits it."""
    (tmp_path / "gatekeeper.toml").write_text(POLICY)
    assert "to fill" in gatekeeper("report", report, "--check", code=1).stderr
    (tmp_path / "gatekeeper.toml").write_text(COMPLETE)
    write(tmp_path / "audit", line(1))
    period = ("--since", "2026-11-01", "--until", "2026-11-28") if report in ("ropa", "transfers") else ()
    gatekeeper("report", report, "--check", *period, code=0)


def test_check_fails_where_more_is_sent_than_declared(gatekeeper, tmp_path):
    """A planted field, which the message names."""
    (tmp_path / "gatekeeper.toml").write_text(COMPLETE)
    write(tmp_path / "audit", line(1, fields_sent=["page_url", "email_hash"]))
    period = ("--since", "2026-11-01", "--until", "2026-11-28")
    assert "email_hash" in gatekeeper("report", "ropa", "--check", *period, code=1).stderr
    assert "to fill" in gatekeeper("report", "ropa", "--check", "--without-log", code=1).stderr


def test_a_notice_to_publish_has_no_origins(gatekeeper, tmp_path):
    """`--plain`, in either language."""
    (tmp_path / "gatekeeper.toml").write_text(COMPLETE)
    plain = gatekeeper("report", "privacy-notice", "--language", "de", "--plain", code=0).stdout
    assert "policy policy.controller" not in plain and "Verantwortlicher" in plain
    assert "policy policy.controller" in gatekeeper("report", "privacy-notice", code=0).stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(("ropa", "--out", "x.doc"), "has no known ending", id="ending"),
        pytest.param(("ropa", "--format", "doc"), '"doc" is not known', id="format"),
        pytest.param(("ropa", "--format", "xlsx"), "cannot be printed", id="printed-spreadsheet"),
        pytest.param(("ropa", "--since", "soon"), "is not a time", id="time"),
        pytest.param(("ropa", "--since", "1d", "--until", "2d"), "is not before", id="turned-round"),
        pytest.param(("privacy-notice", "--language", "xx"), '"xx" is not known', id="language"),
        pytest.param(("dpa", "--out", "nowhere/x.md"), "its folder does not exist", id="no-folder"),
    ],
)
def test_bad_words_are_named(gatekeeper, tmp_path, words, message):
    """Each says what would be right, with exit code 2."""
    (tmp_path / "gatekeeper.toml").write_text(POLICY)
    assert message in " ".join(gatekeeper("report", *words, code=2).stderr.replace("│", " ").split())


def test_words_that_the_records_do_not_know_are_refused(gatekeeper, tmp_path):
    """By the policy's own faults, with the key."""
    (tmp_path / "gatekeeper.toml").write_text(COMPLETE.replace('countries = ["IE"]', 'countries = ["Ireland"]'))
    said = gatekeeper("report", "dpa", code=1).stderr
    assert "destinations.ga4.records.countries" in said and "write its two letters, such as IE" in said
