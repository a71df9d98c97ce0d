"""`gatekeeper self-audit`: what it prints, writes and exits with."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from gatekeeper.reports.checks import CHECKS
from tests.reports import selfaudits
from tests.reports.selfaudits import DAY
from tests.reports.test_self_audit import sends


@pytest.fixture
def made(tmp_path):
    """A policy and a log of one day, in which nothing is wrong."""
    policy = selfaudits.policy(tmp_path)
    selfaudits.write(policy, selfaudits.lines(policy))
    return policy


def test_nothing_is_found_where_nothing_is_wrong(gatekeeper, made):
    """Exit code 0; every check says what it looked at."""
    done = gatekeeper("self-audit", "--day", DAY, code=0)
    assert "12 events in 12 lines" in done.stdout and done.stdout.count(" nothing ") == len(CHECKS)
    told = json.loads(gatekeeper("self-audit", "--day", DAY, "--json", code=0).stdout)
    assert told["findings"] == 0 and told["numbers"]["events"] == 12 and told["day"] == str(DAY)


def test_a_finding_is_exit_code_1_and_a_page(gatekeeper, tmp_path):
    """Printed with an example; the page is written in the form that its ending says."""
    policy = selfaudits.policy(tmp_path)
    lines = selfaudits.lines(policy)
    selfaudits.write(policy, [selfaudits.changed(lines[0], sends), *lines[1:]])
    done = gatekeeper("self-audit", "--day", DAY, "--out", "page.html", code=1)
    assert "decisions: ga4: newly blocked: analytics → no_analytics_consent, such as req_" in done.stdout
    assert "newly blocked" in (tmp_path / "page.html").read_text()
    gatekeeper("self-audit", "--day", DAY, "--only", "decisions", "--out", "page.md", code=1)
    assert "| decisions |" in (tmp_path / "page.md").read_text()
    gatekeeper("self-audit", "--day", DAY, "--only", "papers", "--out", "page.json", code=0)
    assert list(json.loads((tmp_path / "page.json").read_text())["checks"]) == ["papers"]
    assert not (tmp_path / "var" / "self-audit").exists()


def test_pages_are_kept_where_the_gate_keeps_its_own(gatekeeper, made):
    """For a machine whose gate does not do it by night."""
    assert f"{DAY}.html" in gatekeeper("self-audit", "--day", DAY, "--keep", code=0).stderr
    assert {path.name for path in (made.folder / "var" / "self-audit").iterdir()} == {f"{DAY}.html", f"{DAY}.json"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(["--only", "decision"], 2, 'did you mean "decisions"', id="no-check"),
        pytest.param(["--day", "yesterday"], 2, '"yesterday" is not a day', id="no-day"),
        pytest.param(["--out", "page.pdf"], 2, "end it in .html, .md or .json", id="no-form"),
        pytest.param(["--out", "no/such/page.md"], 1, "its folder does not exist", id="no-folder"),
        pytest.param(["--only", "log", "--keep"], 2, "leave out --only", id="not-all"),
        pytest.param(["--url", "http://127.0.0.1:1"], 1, "server.admin_token: missing", id="no-token"),
    ],
)
def test_bad_input_is_named(gatekeeper, made, words, code, said):
    """With the remedy."""
    assert said in gatekeeper("self-audit", *words, code=code).stderr.replace("\n", " ")


def test_a_day_that_is_not_over_is_refused(gatekeeper, made):
    """A part of it would be taken for the whole."""
    today = datetime.now(UTC).date()
    assert "is not over" in gatekeeper("self-audit", "--day", today, code=2).stderr
    assert "is not over" in gatekeeper("self-audit", "--day", today + timedelta(days=1), code=2).stderr


def test_where_no_gate_has_run_there_is_no_answer(gatekeeper, tmp_path):
    """Exit code 3, and nothing is made."""
    selfaudits.policy(tmp_path)
    gatekeeper("self-audit", code=3)
    assert not (tmp_path / "var" / "audit").exists()
