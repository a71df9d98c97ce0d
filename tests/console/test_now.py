"""Now: the newest lines, the picture of them, and what needs somebody."""

import json
import os
import re
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.audit.recent import Recent
from gatekeeper.audit.shared.mirror import Fetched, Other
from gatekeeper.audit.shared.trail import Peer
from gatekeeper.console import everywhere, flow, now
from gatekeeper.console.everywhere import Everywhere
from gatekeeper.console.needs import ALARMS, _metrics, needs
from gatekeeper.errors import StorageError
from gatekeeper.storage.outbox import Count, Trouble
from tests.laws.test_laws import law

STREAM = "20261130T100000.000000Z-{n}-0000000{n}"
AT = 1_796_033_000.0  # 2026-11-30T10:03:20Z: the lines are newer


def decision(at, event="page_view", status="pending", **more):
    """A line of the log, as far as it is read here."""
    one = {"destination": "own", "status": status} | ({"reason": "gpc_opt_out"} if status == "blocked" else {})
    return {"kind": "decision", "timestamp": at, "event_type": event, "deliveries": [one]} | more


def written(folder, n, lines, torn=""):
    """A segment with these lines."""
    path = folder / f"{STREAM.format(n=n)}.000001.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines) + torn)
    os.utime(path, (AT, AT))
    return path


def test_only_the_newest_lines_are_read_and_then_what_is_new(tmp_path, monkeypatch):
    """Bounded in bytes, whole lines only, each once; a torn line waits for its end."""
    monkeypatch.setattr("gatekeeper.audit.recent.TAIL", 1_000)
    old = [decision("2026-11-30T10:40:00Z", event="old") for _ in range(200)]
    new = [decision("2026-11-30T10:43:00Z", event="new") for _ in range(3)]
    path = written(tmp_path, 1, [*old, *new], torn='{"kind":"decision","time')
    recent = Recent(tmp_path, 3_600.0)
    recent.look(AT)
    counts = Counter(one.event for one in recent.seen)
    assert counts["new"] == 3 and 0 < counts["old"] < 10
    recent.look(AT)
    assert Counter(one.event for one in recent.seen) == counts
    with path.open("a") as file:
        file.write('stamp":"2026-11-30T10:43:10Z","event_type":"late","deliveries":[')
        file.write('{"destination":"own","status":"pending"}]}\n')
    os.utime(path, (AT, AT))
    recent.look(AT)
    assert Counter(one.event for one in recent.seen)["late"] == 1


def test_what_is_older_than_the_window_is_forgotten(tmp_path):
    """A line of two hours ago is in no number."""
    written(tmp_path, 1, [decision("2026-11-30T08:00:00Z"), decision("2026-11-30T10:43:00Z", count=5)])
    recent = Recent(tmp_path, 3_600.0)
    recent.look(AT)
    assert recent.flows() == {("page_view", "own", "sent"): 5}
    assert recent.rate(AT, 60.0) == 5.0


def test_outcomes_are_counted_apart(tmp_path):
    """What failed is told by its code; the picture counts decisions alone."""
    failed = {"kind": "outcome", "timestamp": "2026-11-30T10:43:10Z", "request_ids": ["a", "b"], "destination": "own",
              "status": "failed", "reason": "http_401", "attempts": 1}  # fmt: skip
    written(tmp_path, 1, [decision("2026-11-30T10:43:00Z", status="blocked"), failed])
    recent = Recent(tmp_path, 3_600.0)
    recent.look(AT)
    assert recent.flows() == {("page_view", "own", "blocked"): 1}
    assert recent.reasons() == {("own", "gpc_opt_out"): 1} and recent.failures() == {("own", "http_401"): 2}


def other(folder, name):
    """Another machine, of which the archive has one segment and the database nothing."""
    place = folder / name
    place.mkdir()
    return Other(Peer(name, f"host-{name}", True, None, AT, ()), place, folder / f"{name}.kept", ())


def test_the_picture_is_of_every_machine(tmp_path, monkeypatch):
    """Sums over the logs; where another machine cannot be reached it is this machine's, and why is said."""
    monkeypatch.setattr(everywhere, "EVERY", 0.0)
    own, two = tmp_path / "own", other(tmp_path, "two")
    own.mkdir()
    written(own, 1, [decision("2026-11-30T10:40:00Z"), decision("2026-11-30T10:43:00Z", status="blocked")])
    written(two.folder, 2, [decision("2026-11-30T10:43:10Z", count=4)])
    answers = [[two], StorageError("away")]

    def others(patience):
        if isinstance(answers[0], StorageError):
            raise answers[0]
        return nullcontext(Fetched(tuple(answers[0]), tmp_path / "unwritten"))

    seen = Everywhere(own, 3_600.0, others)
    seen.look(AT)
    assert seen.flows() == {("page_view", "own", "sent"): 5, ("page_view", "own", "blocked"): 1}
    assert seen.rates(AT, 60.0) == (2.0, {"two": 4.0})
    assert seen.rate(AT, 60.0) == 6.0 and seen.missing is None and seen.reasons() == {("own", "gpc_opt_out"): 1}
    answers.pop(0)
    seen.look(AT)
    assert sum(seen.flows().values()) == 2 and seen.missing == "away" and seen.rates(AT, 60.0) == (2.0, {})


@pytest.mark.parametrize(("host", "named"), [("web-1", "web-1: "), (None, "")], ids=["several", "one"])
def test_of_several_machines_a_need_names_the_one_whose_it_is(host, named):
    """What the store knows is of all; what this process knows, and its metrics say, is of one machine."""
    letter = SimpleNamespace(destination="own")
    desk = SimpleNamespace(
        problems=lambda: ["the log is full"], notes=lambda: ["the clock is late"], now=AT,
        erasures=SimpleNamespace(all=lambda *_: []),
        store=SimpleNamespace(dead_letters=SimpleNamespace(page=lambda *_: [letter])),
    )  # fmt: skip
    told = {one.sentence: one.level for one in needs(desk, {("audit_failing", ""): 1.0}, host)}
    own = ["the log is full", "the audit log cannot be written: nothing is sent", "the clock is late"]
    assert [*told] == [*(named + one for one in own[:2]), named + own[2], "own did not take everything: 1 dead letter"]


def test_the_picture_begins_where_all_of_it_was_read(tmp_path, monkeypatch):
    """A busy machine is read from a later time on: what a quiet one did before would make it look busier."""
    monkeypatch.setattr("gatekeeper.audit.recent.TAIL", 1_000)
    own, two = tmp_path / "own", other(tmp_path, "two")
    own.mkdir()
    busy = [decision(f"2026-11-30T10:{n // 60:02}:{n % 60:02}Z", event="busy") for n in range(2_400)]
    written(own, 1, busy)
    written(two.folder, 2, [decision("2026-11-30T10:01:00Z"), decision("2026-11-30T10:39:59Z")])
    seen = Everywhere(own, 3_600.0, lambda patience: nullcontext(Fetched((two,), tmp_path / "unwritten")))
    seen.look(AT)
    assert seen.flows()["page_view", "own", "sent"] == 1
    assert seen.since() >= 1_796_032_000.0 and 0 < seen.flows()["busy", "own", "sent"] < 10


NAMES = st.sampled_from(["page_view", "purchase", "<script>alert(1)</script>", '"x', "a" * 80])
FLOWS = st.dictionaries(st.tuples(NAMES, NAMES, st.sampled_from(["sent", "blocked"])), st.integers(1, 10**7))


@law
@given(FLOWS)
def test_bands_are_as_wide_as_what_flows(flows):
    """What enters a purpose leaves it; the blocked part has its share; no name is markup, or cut off below."""
    picture = str(flow.drawn(flows, {"purchase": "marketing", "page_view": "necessary"}))
    if not flows:
        assert picture == ""
        return
    assert "<script" not in picture
    bands = re.findall(r'class="(band [^"]+)"[^>]*stroke-width="([\d.]+)"', picture)
    widths = [(kind, float(wide)) for kind, wide in bands]
    total, blocked = sum(flows.values()), sum(n for (_, _, word), n in flows.items() if word == "blocked")
    drawn = sum(wide for kind, wide in widths if kind == "band stopped")
    assert drawn == pytest.approx(260 * blocked / total, abs=1.1 * len(flows))
    assert sum(wide for _, wide in widths) == pytest.approx(2 * 260, abs=2.2 * len(flows))
    tall = float(re.search(r'viewBox="0 0 \S+ (\d+)"', picture)[1])
    lines = [float(y) for y in re.findall(r'<text[^>]* y="([\d.]+)"', picture)]
    assert lines and max(lines) + 4 <= tall, "a name is cut off"


def test_no_event_is_lost_among_many():
    """Twenty events are seven and the others; the numbers are the same."""
    flows = {(f"event_{n}", f"to_{n}", "sent"): n + 1 for n in range(20)}
    few = flow.few(flows)
    assert sum(few.values()) == sum(flows.values())
    assert len({event for event, _, _ in few}) == len({to for _, to, _ in few}) == flow.MOST + 1


def test_an_empty_gate_says_so(known):
    """No event yet: no picture, and a sentence in its place."""
    html = known.get("now").text
    assert "Nothing came in within the last hour" in html and '<svg class="flow"' not in html


def test_the_page_tells_who_takes_nothing(known, monkeypatch):
    """A breaker that is open, in words; and what the metrics say needs somebody."""
    books = known.app.runtime.store.books
    monkeypatch.setattr(type(books), "troubles", lambda self: {"own": Trouble(0.0, "http_503")})
    html = known.get("now").text
    assert "takes nothing for" in html and "http_503" in html and "probed" in html


def test_a_slow_vendor_is_seen_by_what_waits(known, monkeypatch):
    """How much, for how long; after an hour somebody is needed."""
    books = known.app.runtime.store.books
    waits = Count(1_234, 1_234, 0, 0, 0, 0, 0, known.app.runtime.gate.clock() - 2 * 3_600 - 60)
    monkeypatch.setattr(type(books), "count", lambda self: {"own": waits})
    html = known.get("now").text
    assert "the oldest delivery to own has waited for 2 hours" in html
    assert "<dt>Waiting</dt><dd>1,234</dd>" in html and "<dt>Oldest waits for</dt><dd>2 hours</dd>" in html


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("audit_failing", "nothing is sent"), ("anchor_failing", "checkpoints"), ("self_audit_incidents", "self-audit"),
        ("retention_overdue", "retention"), ("outbound_uncaught_total", "not caught"),
        ("outbound_unlisted_hosts", "in no table"),
    ],
)  # fmt: skip
def test_each_metric_of_an_alarm_needs_somebody(name, word):
    """Where it is zero nothing is said, where it is not, one sentence."""
    assert list(_metrics({(name, ""): 0.0})) == []
    (one,) = _metrics({(name, ""): 3.0})
    assert word in one.sentence


# What is told by the store or by `readyz` in words, and so is no number here.
ELSEWHERE = {
    "destination_failing_seconds": "readyz", "unwritten_seconds": "readyz", "store_horizon_seconds": "readyz",
    "audit_set_aside": "readyz", "erasures_overdue": "the store", "self_audit_findings": "by check",
}  # fmt: skip
RULES = (Path(__file__).parents[2] / "deploy/prometheus/gatekeeper.rules.yml").read_text("utf-8")
GAUGE = re.compile(r"expr: '(?:max|min)?(?: by \(check\))? ?\(?gatekeeper_(\w+)(?:\{[^}]*\})?\)? (>|<|==) ([\d.e+]+)'")


@pytest.mark.parametrize(("name", "sign", "limit"), GAUGE.findall(RULES))
def test_what_an_alarm_is_for_needs_somebody(name, sign, limit):
    """Each rule on a number as it is now, with its limit; a rate over time is Prometheus' own."""
    if name in ELSEWHERE:
        assert name not in {one.metric for one in ALARMS}
        return
    value = float(limit)
    worse, good = {">": (value * 2 + 1, value), "<": (value / 2, value), "==": (value, value + 1)}[sign]
    (one,) = _metrics({(name, "own"): worse})
    assert "{" not in one.sentence and list(_metrics({(name, "own"): good})) == []


def test_every_rule_on_a_number_is_looked_at():
    """The pattern above misses none of them."""
    found = {name for name, _, _ in GAUGE.findall(RULES)}
    rules = re.findall(r"expr: '(.*)'", RULES)
    rest = [one for one in rules if not any(f"gatekeeper_{name}" in one for name in found)]
    assert all("increase(" in one or "rate(" in one or "absent(" in one for one in rest) and len(found) > 12


def test_the_rates_are_a_table_and_a_file_too(known):
    """The same numbers as CSV."""
    answer = known.get("now?csv=rates")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert len(answer.text.splitlines()) == now.STEPS + 1
