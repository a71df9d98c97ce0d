"""The dashboard for Grafana: each panel asks for metrics that there are, and a Prometheus answers what it asks."""

import json
import re
import shutil
import subprocess
import time

import httpx
import pytest

from gatekeeper.demo.stage import stage
from gatekeeper.demo.walk import PURCHASE
from tests.running import answers, ended, free_port
from tests.test_alarms import FOUND, ROOT, RULES, names

BOARD = json.loads((ROOT / "deploy" / "grafana" / "gatekeeper.json").read_text("utf-8"))
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
ASKED = [
    (panel["title"], target["refId"], target["expr"]) for panel in PANELS for target in panel["targets"]
]  # fmt: skip
questions = pytest.mark.parametrize("expr", [one[2] for one in ASKED], ids=[f"{one[0]}-{one[1]}" for one in ASKED])
# What Grafana puts in the place of its variables.
FILLED = {"$__rate_interval": "5m", "$destination": ".*"}


def filled(expr):
    """An expression as Grafana asks it."""
    for name, value in FILLED.items():
        expr = expr.replace(name, value)
    return expr


@questions
def test_a_panel_asks_for_metrics_that_there_are(expr):
    """Or it would stay empty and be read as nothing."""
    used = set(re.findall(r"\bgatekeeper_\w+", expr))
    assert used and used <= names()
    assert "$" not in filled(expr)


@questions
def test_a_counter_is_asked_for_its_rate_and_a_gauge_for_its_value(expr):
    """The sum of a counter says how long ago the process began."""
    for name in re.findall(r"\bgatekeeper_\w+", expr):
        rated = re.search(rf"rate\({name}[{{\[]", expr) is not None
        assert rated == name.endswith(("_total", "_bucket", "_sum", "_count")), name


def whole(found):
    """Metrics by the names of their families, without when they were begun."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in found if not name.endswith("_created")}


def test_every_metric_is_in_a_panel():
    """A new one has to be placed."""
    shown = {name for _, _, expr in ASKED for name in re.findall(r"gatekeeper_\w+", expr)}
    assert whole(names()) - whole(shown) == set()


def test_panels_have_a_place_a_sentence_and_a_unit_of_their_own():
    """No two have an id or a square in common; the source of the data is what the reader chooses."""
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    taken = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        squares = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24 and not squares & taken, panel["title"]
        taken |= squares
    for panel in PANELS:
        assert panel["description"].endswith(".") and panel["fieldConfig"]["defaults"]["unit"]
        assert {"uid": "${datasource}", "type": "prometheus"} in [target["datasource"] for target in panel["targets"]]


def test_an_alarm_that_a_panel_names_is_one():
    """The dashboard leads to docs/alarms.md."""
    named = set(re.findall(r"\bGatekeeper[A-Z]\w+", json.dumps(BOARD)))
    assert named and named <= {rule["alert"] for rule in FOUND}


def test_the_board_names_no_machine():
    """It is imported as it is."""
    assert "://" not in json.dumps(BOARD)


CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: gatekeeper
    metrics_path: /gk/metrics
    authorization: {{credentials: "{token}"}}
    static_configs: [{{targets: ["{target}"]}}]
"""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """A Prometheus that has scraped a demo with a past twice, and evaluated the rules."""
    folder = tmp_path_factory.mktemp("prometheus")
    port = free_port()
    with stage(folder / "demo", minutes=8) as up:
        config = CONFIG.format(rules=RULES, token=up.token, target=up.shop.removeprefix("http://").rstrip("/"))
        (folder / "prometheus.yml").write_text(config)
        for yes in (False, True):
            event = {"event": "purchase", "consent": {"analytics": yes, "marketing": yes}, "data": PURCHASE}
            httpx.post(f"{up.url}/collect", json=event, trust_env=False).raise_for_status()
        up.simulators.ga4.wait()
        words = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                 f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
        with (folder / "stderr").open("wb") as said:
            process = subprocess.Popen(words, stdout=said, stderr=said)
        try:
            api, deadline = f"http://127.0.0.1:{port}/api/v1", time.monotonic() + 60
            seen = f"{api}/query?query=count_over_time(gatekeeper_accepted_total[1m])>1"
            while not (answers(seen) and httpx.get(seen, trust_env=False).json()["data"]["result"]):
                assert time.monotonic() < deadline, (folder / "stderr").read_text()[-2_000:]
                time.sleep(0.2)  # as often as it scrapes
            yield api
        finally:
            ended(process)


def needs_prometheus(test):
    """Only where it is; `.ci/deploy` installs it as root on Debian."""
    missing = shutil.which("prometheus") is None
    return pytest.mark.environment(pytest.mark.skipif(missing, reason="prometheus is not installed")(test))


# Of these a demo has no sample: no call, no failure, one machine, no archive, no night, no retention in its first
# minute, and one decision in sixteen is timed.
MAY_BE_EMPTY = re.compile(
    r"_(calls|refused|limited)_total|self_audit|_(nodes|processes|processes_behind|lease_seconds|commit_seconds)\b"
    r"|unwritten|unarchived|store_(dead|horizon)|_decision_seconds|retention_age_seconds"
)


@needs_prometheus
def test_a_prometheus_answers_every_panel(prometheus):
    """Without an error, and with a number where a demo has one."""
    for title, _, expr in ASKED:
        told = httpx.get(f"{prometheus}/query", params={"query": filled(expr)}, trust_env=False).json()
        assert told["status"] == "success", (title, told)
        assert told["data"]["result"] or MAY_BE_EMPTY.search(expr), title


@needs_prometheus
def test_a_prometheus_evaluates_every_alarm(prometheus):
    """Without an error; in a demo that works none of the critical ones fires."""
    deadline = time.monotonic() + 30
    while True:
        groups = httpx.get(f"{prometheus}/rules", trust_env=False).json()["data"]["groups"]
        rules = {rule["name"]: rule for group in groups for rule in group["rules"]}
        if all(rule["health"] != "unknown" for rule in rules.values()) or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    assert rules.keys() == {rule["alert"] for rule in FOUND}
    assert {name: rule.get("lastError") for name, rule in rules.items() if rule["health"] != "ok"} == {}
    bad = [
        name for name, rule in rules.items() if rule["state"] == "firing" and rule["labels"]["severity"] == "critical"
    ]
    assert bad == []
