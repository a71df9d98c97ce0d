"""`gatekeeper replay`: what it prints, writes and exits with."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.cli.test_cli import POLICY

ROOT = Path(__file__).parents[2]


def edited(folder, add, name="next.toml"):
    """The policy with more at its end, as another file."""
    (folder / name).write_text(POLICY + add)
    return name


NARROWER = '\n[jurisdiction.laws.gdpr]\nmarketing = "opt_in"\n\n[consent]\nmax_age = "1s"\n'
WIDER = '\n[destinations.more]\nkind = "first_party"\nendpoint = "http://127.0.0.1:9/more"\n'


def test_by_its_own_policy_nothing_is_otherwise(gatekeeper, log):
    """Exit code 0, all unchanged."""
    told = json.loads(gatekeeper("replay", "--since", "1d", "--json", code=0).stdout)
    assert (told["lines"], told["changes"], told["undecided"], told["more_is_sent"]) == (40, [], [], False)
    assert told["deliveries"].keys() == {"unchanged"}


def test_more_fails_until_it_is_accepted(gatekeeper, log):
    """With an example, its rule and the keys behind it."""
    edited(log, WIDER)
    failed = gatekeeper("replay", "--policy", "next.toml", code=1)
    assert "FAIL: more is sent than before" in failed.stderr
    assert re.search(r"newly sent\s+more\s+40", failed.stdout) and "req_" in failed.stdout
    gatekeeper("replay", "--policy", "next.toml", "--accept-more", code=0)


def test_less_is_no_failure(gatekeeper, log):
    """Newly blocked, by the key that does it."""
    edited(log, NARROWER)
    told = json.loads(gatekeeper("replay", "--policy", "next.toml", "--json", code=0).stdout)
    blocked = [one for one in told["changes"] if one["turn"] == "newly_blocked"]
    assert blocked and all(one["because"] == ["consent.max_age"] for one in blocked)
    assert all(one["persons"] > 0 and one["example"].startswith("req_") for one in blocked)


def test_what_is_open_fails_until_it_is_accepted(gatekeeper, log):
    """An edit of how consent is read."""
    edited(log, '\n[consent]\ndnt = ["marketing"]\n')
    failed = gatekeeper("replay", "--policy", "next.toml", code=1)
    assert "not decidable: every destination, signals: 40 events" in failed.stdout
    assert "no line shows what this edit does: consent.dnt" in failed.stdout
    gatekeeper("replay", "--policy", "next.toml", "--accept-open", code=0)


def test_a_policy_that_was_not_kept_is_said(gatekeeper, log):
    """Nothing can be decided, so nothing is known."""
    for path in (log / "var" / "policies").glob("*.json"):
        path.unlink()
    assert "no_policy: 40 events" in gatekeeper("replay", code=1).stdout


class Page(HTMLParser):
    """Which tags a page has, and what it would load."""

    def __init__(self):
        super().__init__()
        self.tags, self.loads = [], []

    def handle_starttag(self, tag, attrs):
        """Note the tag."""
        self.tags.append(tag)
        self.loads += [value for name, value in attrs if name in ("src", "href")]


def test_a_page_is_written(gatekeeper, log):
    """Tables and charts, and nothing that is loaded."""
    edited(log, WIDER)
    gatekeeper("replay", "--policy", "next.toml", "--html", "replay.html", code=1)
    page = Page()
    page.feed((log / "replay.html").read_text("utf-8"))
    assert page.loads == [] and "script" not in page.tags
    assert page.tags.count("svg") == 2 and page.tags.count("table") == 2 and page.tags.count("rect") > 3


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        pytest.param(("--since", "2999-01-01"), 3, "there is no decision of that time", id="empty"),
        pytest.param(("--on", "soon"), 2, "is not a day", id="no-day"),
        pytest.param(("--laws", "old"), 2, "is not known", id="no-laws"),
        pytest.param(("--policy", "nowhere.toml"), 1, "there is no such file", id="no-policy"),
        pytest.param(("--html", "nowhere/x.html"), 1, "its folder does not exist", id="no-folder"),
    ],
)
def test_bad_input_is_named(gatekeeper, log, words, code, told):
    """One sentence."""
    assert told in gatekeeper("replay", *words, code=code).stderr


def test_laws_of_a_day_and_of_today(gatekeeper, log):
    """Both are taken; the visitors' place is unknown, whose law never changes."""
    for words in (("--on", "2027-01-01"), ("--laws", "now")):
        told = json.loads(gatekeeper("replay", *words, "--json", code=0).stdout)
        assert told["deliveries"].keys() == {"unchanged"}


def test_the_workflow_names_options_that_exist(gatekeeper):
    """Each command of `deploy/ci/replay.yml`."""
    commands = re.findall(r"run: gatekeeper (.+)", (ROOT / "deploy" / "ci" / "replay.yml").read_text("utf-8"))
    assert len(commands) == 3
    for command in commands:
        name, *words = command.split()
        offered = gatekeeper(name, "--help", code=0).stdout
        assert all(word in offered for word in words if word.startswith("--"))
