"""The gate audits itself: nothing is found where all is well, and each thing that a check is for is found."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest

from gatekeeper.audit import retention
from gatekeeper.audit.chores import compress
from gatekeeper.audit.segments import Head, streams
from gatekeeper.audit.stamp import Stamp
from gatekeeper.errors import GatekeeperError
from gatekeeper.policy import load_policy
from gatekeeper.reports import checks, rates, self_audit, self_audit_page
from gatekeeper.reports.audited import MOST, Finding, Result
from gatekeeper.reports.checks import CHECKS, Calls, Check, checked
from gatekeeper.reports.rates import Numbers
from gatekeeper.storage import database
from gatekeeper.storage.heads import SqliteHeads
from tests.audit.tsa import Tsa
from tests.builders import NOW
from tests.reports import selfaudits
from tests.reports.selfaudits import BEGIN, DAY

NAMES = [check.name for check in CHECKS]


def audit(policy, *only, now=NOW, day=DAY, **more):
    """What is found: check -> findings."""
    found = self_audit.self_audit(policy, day, now=now, only=only, **more)
    return {one.name: one.result.findings for one in found.checks if one.result.findings}


@pytest.fixture
def kept(tmp_path):
    """A policy, and a log of the day."""
    policy = selfaudits.policy(tmp_path)
    return selfaudits.write(policy, selfaudits.lines(policy))


def test_a_gate_that_did_as_its_policy_says_has_no_findings(kept):
    """Also of fields that go out clear, and by the names that they have then."""
    found = self_audit.self_audit(kept, DAY, now=NOW)
    assert (found.findings, found.incidents, [one.name for one in found.checks]) == (0, {}, NAMES)
    seen = {one.name: one.result.seen for one in found.checks}
    assert seen["decisions"].startswith("12 events in 12 lines; 36 deliveries") and seen["log"].startswith("14 lines")
    assert found.numbers == Numbers(12, 6, 6, 0)
    (path,) = kept.audit_folder.glob("*.jsonl")
    assert b'"postal_code"' in path.read_bytes() and "postal_code_hash" in kept.destinations["google_ads"].fields


def sends(record):
    """A delivery that the policy blocks is said to have been sent."""
    for one in record["deliveries"]:
        if one["destination"] == "ga4":
            one |= {
                "status": "pending",
                "fields_sent": ["session_id"],
                "fields_stripped": [],
                "fields_derived": [],
                "consent_basis": "analytics",
                "legal_basis": "consent",
                "stripped_because": {},
                "scrubbed": {},
            }
            one.pop("reason", None)  # fmt: skip


def sends_more(record):
    """A field that no policy declares was sent."""
    for one in record["deliveries"]:
        if one["status"] == "pending":
            one["fields_sent"].append("user_id")


def goes_elsewhere(record):
    """A destination that the policy does not have."""
    for one in record["deliveries"]:
        if one["status"] == "pending" and one["destination"] == "own":
            one["destination"] = "unheard_of"


def moves(record):
    """The visitor is where the policy does not send."""
    record["country"] = record["jurisdiction"]["country"] = "BR"
    record["jurisdiction"]["region"] = None


PLANTED = {
    "sent-though-blocked": (0, sends, {"decisions": "newly blocked: analytics → no_analytics_consent"}),
    "a-field-too-many": (1, sends_more, {"decisions": "-user_id", "fields": "sent and not declared: user_id"}),
    "another-destination": (1, goes_elsewhere, {"fields": "a destination that the policy does not declare"}),
    "another-place": (1, moves, {"fields": "outside of the declared regions: BR"}),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_not_the_policy_s_is_an_incident(tmp_path, name):
    """One line of twelve says something else: it is found, with the line as the example."""
    place, change, expected = PLANTED[name]
    policy = selfaudits.policy(tmp_path)
    lines = selfaudits.lines(policy)
    lines[place] = selfaudits.changed(lines[place], change)
    selfaudits.write(policy, lines)
    found = audit(policy)
    assert expected.keys() <= found.keys() <= {"decisions", "fields"}
    for check, said in expected.items():
        assert any(said in one.said for one in found[check]), found[check]
    examples = {one.example for one in found["decisions"]} if "decisions" in found else set()
    assert not examples or any(one.endswith(f"{place:020}") for one in examples)
    made = self_audit.self_audit(policy, DAY, now=NOW)
    assert made.incidents.keys() == found.keys()


def test_a_policy_that_was_not_kept_is_a_finding(kept):
    """What cannot be decided again is never taken for right."""
    next(kept.audit_folder.parent.joinpath("policies").glob("*.json")).unlink()
    assert [one.said for one in audit(kept, "decisions")["decisions"]] == ["cannot be decided again (no_policy)"]


def test_another_law_table_is_told_with_the_differences(tmp_path, monkeypatch):
    """After an update of the product, a difference may be the table's."""
    policy = selfaudits.policy(tmp_path)
    lines = selfaudits.lines(policy)
    selfaudits.write(policy, [selfaudits.changed(lines[0], sends), *lines[1:]])
    monkeypatch.setattr(checks, "version", lambda: "another")
    assert audit(policy, "decisions")["decisions"][0].said.endswith("; the law table is another one since")


def test_only_the_day_is_looked_at(tmp_path):
    """A line of the day before it, and one of the day after, are not."""
    policy = selfaudits.policy(tmp_path)
    late = selfaudits.changed(selfaudits.lines(policy, 1, at=BEGIN + 86_400)[0], sends)
    early = selfaudits.changed(selfaudits.lines(policy, 1, at=BEGIN - 2)[0], sends)
    selfaudits.write(policy, [early, *selfaudits.lines(policy, 2)], at=BEGIN + 3_600)
    selfaudits.write(policy, [late], at=BEGIN + 86_400)
    assert audit(policy) == {}
    assert "decisions" in audit(policy, day=DAY - timedelta(days=1))


def test_hosts_that_are_called_past_the_gate_are_told(kept):
    """By a client that is not caught; and as a number, where the policy asks about hosts in no table."""
    calls = Calls({"api.example": 3, "more.example": 1}, 2, {"www.google-analytics.com": 5})
    found = audit(kept, "hosts", calls=calls)["hosts"]
    assert found == (
        Finding("www.google-analytics.com", "was reached by a client that the gate does not catch", 5),
        Finding("outbound.allow", "2 hosts are in no table; `gatekeeper outbound hosts` names them", 6),
    )
    assert "api.example" not in json.dumps(found)
    quiet = replace(kept, file=kept.file.model_copy(update={"outbound": type(kept.file.outbound)()}))
    assert audit(quiet, "hosts", calls=calls._replace(uncaught={})) == {}


def test_blocked_calls_to_hosts_in_no_destination_are_told(tmp_path):
    """Out of the log, also without a running gate."""

    def unlisted(record):
        record["deliveries"] = [{"destination": "t.example", "status": "blocked", "reason": "unlisted_destination"}]
        record["inputs"]["decided"] = False

    policy = selfaudits.policy(tmp_path)
    lines = selfaudits.lines(policy, 2)
    selfaudits.write(policy, [selfaudits.changed(lines[0], unlisted), lines[1]])
    assert audit(policy) == {"hosts": (Finding("t.example", "is in no destination: calls to it were blocked", 1),)}


def test_a_log_that_was_changed_is_told(kept):
    """With file and line; so is a tail that only the database still knows."""
    path = next(kept.audit_folder.glob("*.jsonl"))
    path.write_bytes(path.read_bytes().replace(b'"purchase"', b'"purchasf"', 1))
    (found,) = audit(kept, "log")["log"]
    assert found.about == f"{path.name}:2" and "was altered" in found.said
    path.write_bytes(b"".join(path.read_bytes().splitlines(True)[:1]))
    assert audit(kept, "log") == {}
    SqliteHeads(kept.database_file).keep([Head(path.name.partition(".0000")[0], 9, "00" * 32)])
    assert "ends at 1" in audit(kept, "log")["log"][0].said


def test_an_authority_that_gave_no_stamp_for_long_is_told(tmp_path):
    """And one whose stamps are bad, by the check of the log."""
    tsa = Tsa(key="ec")
    policy = selfaudits.policy(tmp_path, tsa.policy(tmp_path, "http://127.0.0.1:1/"))
    selfaudits.write(policy, selfaudits.lines(policy, 2))
    assert "there is none" in audit(policy)["anchors"][0].said
    anchors = tmp_path / "var" / "anchors"
    anchors.mkdir()
    line = next(policy.audit_folder.glob("*.jsonl")).read_bytes().splitlines()[-1]
    made = Stamp(line, tsa.of(line))
    path = anchors / f"20261124T000000Z-{made.name}.json"
    path.write_bytes(made.written())
    assert audit(policy) == {}
    assert "of 2026-11-24" in audit(policy, now=NOW + 4 * 86_400)["anchors"][0].said
    path.write_bytes(Stamp(line, Tsa(key="ec").of(line)).written())
    assert audit(policy).keys() == {"log"}


def test_lines_that_are_too_old_are_told(kept):
    """Two days after they should be gone, for a daily run comes in between."""
    for parts in streams(kept.audit_folder).values():
        for segment in parts:
            compress(segment)
    age = kept.file.audit.lines
    assert audit(kept, "lines", now=BEGIN + age + 86_400) == {}
    (found,) = audit(kept, "lines", now=BEGIN + age + 5 * 86_400)["lines"]
    assert (found.about, found.times) == ("audit.lines", 1)


def test_a_request_for_erasure_that_is_overdue_is_told(kept):
    """Until the person was told; without a name, by the id of the request."""
    database.prepare(kept.database_file)
    with database.opened(kept.database_file) as db:
        for name, state, due in (
            ("er_a", "asked", 5),
            ("er_b", "told", 5),
            ("er_c", "received", -5),
            ("er_d", "closed", 5),
        ):
            values = (name, 1, state, NOW - due * 86_400, None, NOW, "{}", b"")
            db.execute("INSERT INTO erasure VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?)", values).fetchall()
    (found,) = audit(kept, "requests")["requests"]
    assert found.about == "er_a" and found.said.startswith("was due on 20")


def test_references_that_are_too_old_are_told(kept):
    """Two days after they should be gone."""
    age = kept.file.retention.personal_references
    assert audit(kept, "references", now=BEGIN + age + 86_400) == {}
    (found,) = audit(kept, "references", now=BEGIN + age + 4 * 86_400)["references"]
    assert found.times == 12 and found.about == "retention.personal_references"
    assert retention.read(kept.audit_folder) == retention.State()  # it looked and did nothing


@pytest.mark.parametrize(
    ("gone", "about", "said"),
    [
        pytest.param('dpa = "contract 7"', "destinations.ga4.dpa", "Google Ireland Ltd", id="no-contract"),
        pytest.param('lia = "assessment 1"', "destinations.errors.lia", "legitimate interest", id="no-assessment"),
        pytest.param(
            'reviewed = "2026-11-20"', "destinations.errors.records.assessment.reviewed", "overdue", id="old-assessment"
        ),
    ],
)
def test_papers_that_are_missing_are_told(tmp_path, gone, about, said):
    """By the key of the policy where they belong."""
    policy = selfaudits.policy(tmp_path)
    selfaudits.write(policy, selfaudits.lines(policy, 1))
    text = policy.path.read_text()
    policy.path.write_text(text.replace(gone, 'reviewed = "2024-01-01"' if "reviewed" in gone else ""))
    (found,) = audit(load_policy(policy.path, require_secrets=False), "papers")["papers"]
    assert found.about == about and said in found.said


def page(policy, day, granted, events=1_000):
    """An earlier self-audit's numbers."""
    made = self_audit.self_audit(policy, day, now=NOW, only=["consent"])
    self_audit.keep(policy, replace(made, numbers=Numbers(events, granted, granted, 0)))


def test_a_jump_of_the_rates_is_told(tmp_path, monkeypatch):
    """Beside the days before: those of the pages that were kept, and those in the log."""
    monkeypatch.setattr(rates, "ENOUGH", 10)
    policy = selfaudits.policy(tmp_path)
    selfaudits.write(policy, selfaudits.lines(policy))
    for back in range(1, 29):
        page(policy, DAY - timedelta(days=back), 500)
    assert audit(policy) == {}
    for back in range(1, 29):
        page(policy, DAY - timedelta(days=back), 20)
    found = audit(policy)["consent"]
    assert [one.about for one in found] == ["analytics", "marketing"]
    assert found[0].said.startswith("50.0% of the events, usually 2.0% (z = +")
    assert not any(check.incident for check in CHECKS if check.name == "consent")


def test_days_without_a_page_are_counted_out_of_the_log(tmp_path, monkeypatch):
    """The first self-audit has no pages."""
    monkeypatch.setattr(rates, "ENOUGH", 2)
    monkeypatch.setattr(rates, "FEWEST", 2)
    policy = selfaudits.policy(tmp_path)
    for back in range(3):
        at = BEGIN - back * 86_400 + 3_600
        selfaudits.write(policy, selfaudits.lines(policy, 4, at=at), at=at + 9)
    found = self_audit.self_audit(policy, DAY, now=NOW, only=["consent"])
    assert found.checks[0].result.seen == "4 events beside 2 days" and found.findings == 0


def test_a_check_that_cannot_look_is_a_finding(kept):
    """Never silence."""

    def fails(scene):
        raise GatekeeperError("no such thing")

    result = checked(Check("x", "?", False, fails), None)
    assert result == Result((Finding("x", "could not look: no such thing"),), "nothing")
    next(kept.audit_folder.glob("*.jsonl")).rename(
        kept.audit_folder / "20261123T020000.000000Z-1-00000000.000001.jsonl.gz"
    )
    assert {"decisions", "fields", "hosts", "log"} <= audit(kept).keys()


def test_pages_are_kept_and_forgotten(kept):
    """JSON for machines, HTML for people; older than statistics may be, they go."""
    found = self_audit.self_audit(kept, DAY, now=NOW)
    path = self_audit.keep(kept, found)
    assert path.name == f"{DAY}.html" and b"Self-audit of" in path.read_bytes()
    assert self_audit.kept(kept, DAY) == json.loads(json.dumps(found.as_data())) == self_audit.latest(kept)
    self_audit.keep(kept, replace(found, day=date(2020, 1, 1)))
    (self_audit.folder(kept) / "mine.txt").write_text("x")
    self_audit.forget(kept, NOW)
    assert {one.name for one in self_audit.folder(kept).iterdir()} == {f"{DAY}.html", f"{DAY}.json", "mine.txt"}
    (self_audit.folder(kept) / f"{DAY}.json").write_text("{")
    assert self_audit.kept(kept, DAY) is None


def test_a_page_has_every_check_and_finding(tmp_path):
    """In Markdown and HTML; what a sender chose brings no markup, and no page is without end."""
    policy = selfaudits.policy(tmp_path)
    selfaudits.write(policy, selfaudits.lines(policy, 1))
    made = self_audit.self_audit(policy, DAY, now=NOW)
    many = tuple(Finding("<b>|x", "a|b", 2, "such") for _ in range(MOST + 1))
    made = replace(made, checks=(replace(made.checks[0], result=Result(many, "x")), *made.checks[1:]))
    for text in (self_audit_page.markdown(made).decode(), self_audit_page.html(made).decode()):
        assert all(check.question in text for check in CHECKS) and "201 findings" in text and "<b>" not in text
        assert text.count("such") == MOST
    assert len(made.as_data()["checks"]["decisions"]["findings"]) == MOST


def test_a_self_audit_writes_nothing_but_its_pages(kept):
    """It looks at log, database and policies as they are."""

    def state():
        return {
            path: path.stat().st_mtime_ns
            for path in kept.folder.rglob("*")
            if path.is_file() and not path.name.endswith(".lock")
        }

    before = state()
    audit(kept)
    assert state() == before
