"""The alerting rules: each speaks of metrics that the product has, and has its section in docs/alarms.md."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from gatekeeper.model.reasons import TABLE
from gatekeeper.runtime.metrics import Metrics
from gatekeeper.storage.erasing import Outstanding
from gatekeeper.storage.outbox import Count, Standing

ROOT = Path(__file__).parent.parent
RULES = ROOT / "deploy" / "prometheus" / "gatekeeper.rules.yml"
PAGE = (ROOT / "docs" / "alarms.md").read_text("utf-8")
FOUND = [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]
STANDING = Standing(1, 1, 1.0, 0.1, 0, 0, 0.0, 0, 0, 0.0)
alarms = pytest.mark.parametrize("rule", FOUND, ids=[rule["alert"] for rule in FOUND])


def names():
    """Every name that a scrape may have."""
    books = {"own": Count(0, 0, 0, 0, 0, 0, 0, None)}
    audited = {"checks": {"log": {"found": 0}}, "incidents": {}, "at": "2026-11-24T00:00:00Z"}
    given = {
        "troubles": {}, "standing": STANDING, "audited": audited, "retained": 0.0, "requests": Outstanding(1, 1),
    }  # fmt: skip
    text = Metrics().text(books, disk_left=1, overdue=0, set_aside=0, now=1.0, **given).decode()
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    return {
        name + suffix
        for name, kind in kinds.items()
        for suffix in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))
    }


@alarms
def test_an_alarm_speaks_of_metrics_that_there_are(rule):
    """Or it would never be heard."""
    used = set(re.findall(r"\bgatekeeper_\w+", rule["expr"]))
    assert used and used <= names()


@alarms
def test_an_alarm_says_how_bad_it_is_and_where_to_read_on(rule):
    """A severity, a sentence, and a section that begins with that sentence and says what to do."""
    assert rule["labels"]["severity"] in ("critical", "warning") and re.fullmatch(r"\d+[mh]", rule["for"])
    section = re.search(rf"^## {rule['alert']}\n\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section is not None and section[1].startswith(rule["annotations"]["summary"])
    assert "What to do: " in section[1] and f"`{rule['labels']['severity']}`, after {rule['for']}" in section[1]
    assert rule["annotations"]["runbook"] == f"docs/alarms.md#{rule['alert'].lower()}"


def test_no_section_is_without_its_alarm():
    """The page and the rules are one list."""
    assert re.findall(r"^## (\w+)$", PAGE, re.MULTILINE) == [rule["alert"] for rule in FOUND]


def test_the_reasons_that_alarms_ask_for_are_reasons():
    """A misspelt label never matches."""
    asked = {code for rule in FOUND for code in re.findall(r'(?:reason|decision)="(\w+)"', rule["expr"])}
    assert asked and asked <= TABLE.keys()


def test_every_state_that_an_operator_must_hear_of_has_an_alarm():
    """Full queues, failing vendors, a log or a database that cannot be written, floods, the disk."""
    told = " ".join(rule["expr"] for rule in FOUND)
    for metric in (
        "gatekeeper_blocked_total", "gatekeeper_destination_failing_seconds", "gatekeeper_audit_failing",
        "gatekeeper_refused_total", "gatekeeper_limited_total", "gatekeeper_disk_left_bytes",
        "gatekeeper_oldest_queued_seconds", "gatekeeper_dead_total", "gatekeeper_calls_total",
    ):  # fmt: skip
        assert metric in told, metric


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_accepts_the_rules():
    """Prometheus itself reads them."""
    done = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
