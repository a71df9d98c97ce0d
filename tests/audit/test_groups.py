"""Events of one request that are alike and go nowhere are one line: found, counted and forgotten as what they are."""

import json

import orjson
import pytest
from typer.testing import CliRunner

from gatekeeper.audit import lines, numbers, query, read, redact
from gatekeeper.audit.query import Filter, pseudonyms
from gatekeeper.audit.stream import Stream
from gatekeeper.cli import app
from gatekeeper.gate import incoming
from gatekeeper.gate.calls import plan_call
from gatekeeper.gate.carry import decision_lines
from gatekeeper.gate.recompute import differences, recompute
from gatekeeper.model import Call, Caller
from tests.audit.logs import SIGNER, Clock, pack
from tests.builders import EVERY_KIND, NOW, RING, make_gate, make_policy, own_cookie

POLICY = '[policy]\nversion = "t"\ncontroller = "c"\n[audit]\npath = "audit"\n[keys]\npath = "keys"\n'
GRANTED = Caller(headers=((b"cookie", own_cookie("analytics").encode()),))


def arrivals(gate, *events, caller=None):
    """What the gate would keep of a body of these events."""
    return gate.arrivals(incoming.parse(orjson.dumps(list(events))), caller or Caller())


def event(name="page_view", **data):
    """One of them."""
    return {"event": name, "data": {"page_url": "/a"} | data}


def records(found):
    """The lines of arrivals."""
    return [orjson.loads(one.line.core) for one in found if one.line is not None]


def test_alike_events_that_go_nowhere_are_one_line():
    """Its ids are the ones the caller is answered with."""
    found = arrivals(make_gate(), *[event()] * 3)
    (record,) = records(found)
    assert record["count"] == 3
    assert [one.request_id for one in found] == read.request_ids(record)
    assert [one.request_id for one in found] == [f"{record['request_id']}.{n}" for n in range(3)]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(event("purchase"), id="name"),
        pytest.param(event(order_value=1), id="fields"),
        pytest.param(event(page_url=""), id="unusable"),
        pytest.param(event() | {"purposes": ["marketing"]}, id="purposes"),
        pytest.param(event() | {"consent": {"marketing": False}}, id="consent"),
        pytest.param(event(user_id="u-1"), id="person"),
        pytest.param(event("x7f93kd83jd9"), id="name-in-the-tail"),
    ],
)
def test_what_differs_in_anything_that_is_told_has_its_own_line(other):
    """Visitor, inputs and cause are the same, or they are two."""
    found = arrivals(make_gate(), event(), other, event())
    first, second = records(found)
    assert first["count"] == 2 and "count" not in second
    assert [one.request_id for one in found] == [
        f"{first['request_id']}.0", second["request_id"], f"{first['request_id']}.1",
    ]  # fmt: skip


def test_what_is_sent_has_a_line_of_its_own():
    """Its outcome names it."""
    found = arrivals(make_gate(), *[event()] * 3, caller=GRANTED)
    assert len(records(found)) == 3 and all(one.jobs and "." not in one.request_id for one in found)


def test_an_event_alone_is_no_group():
    """As ever."""
    (record,) = records(arrivals(make_gate(), event()))
    assert "count" not in record and read.request_ids(record) == [record["request_id"]]


def test_a_groups_decision_can_be_made_again():
    """Like any other's."""
    gate = make_gate()
    (record,) = records(arrivals(gate, *[event()] * 3))
    assert differences(record, recompute(record, gate.policy)) == []


def test_the_elements_of_a_call_are_grouped_as_well():
    """A hundred of a visitor who did not consent are one line; one of another person stands beside them."""
    policy = make_policy(destinations=EVERY_KIND)
    gate = make_gate(policy)
    events = [
        {"event_name": "Purchase", "event_time": int(NOW) - 10, "user_data": {"em": "0" * 64}} for _ in range(100)
    ]
    events.append(events[0] | {"user_data": {"em": "1" * 64}})
    body = json.dumps({"data": events, "access_token": "OWN"}).encode()
    call = Call("POST", "/v26.0/123456789/events", "", ((b"content-type", b"application/json"),), body)
    plan = plan_call(gate, policy.destinations["meta_capi"], call, Caller())
    assert plan.outgoing is None
    told = [orjson.loads(line.core) for line in decision_lines(gate, plan)]
    assert [record.get("count") for record in told] == [100, None]


@pytest.fixture
def log(tmp_path):
    """A log of a group of three about one person, and one event beside it; and its policy."""
    gate = make_gate()
    found = arrivals(gate, *[event(user_id="u-1")] * 3, event("purchase"))
    stream = Stream(tmp_path / "audit", signer=SIGNER, clock=Clock())
    stream.write([one.line for one in found if one.line is not None])
    pack(tmp_path / "audit", stream)
    stream.close()
    (tmp_path / "gatekeeper.toml").write_text(POLICY)
    return tmp_path, [one.request_id for one in found]


def run(folder, *words, code=0):
    """The command's output."""
    result = CliRunner().invoke(app, ["audit", *words, "-c", str(folder / "gatekeeper.toml")])
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


def test_show_finds_each_of_them_and_says_which(log):
    """By its own id; by the line's id it tells of all."""
    folder, ids = log
    for n, request_id in enumerate(ids[:3]):
        text = " ".join(run(folder, "show", request_id).split())
        assert f"for 3 events of one request that were alike; this is number {n + 1}." in text
        record = json.loads(run(folder, "show", request_id, "--json"))
        assert (record["element"], record["count"]) == (n, 3) and request_id in read.request_ids(record)
    assert "×3" in run(folder, "show", ids[0].partition(".")[0])
    run(folder, "show", ids[0].replace(".0", ".3"), code=3)
    run(folder, "show", ids[3] + ".0", code=3)


def test_a_group_of_three_counts_three(log, tmp_path):
    """In rows, numbers and files; in `tail` it says so."""
    folder, ids = log
    audit = folder / "audit"
    rows = query.rows(audit, Filter(event="page_view"), limit=100)
    assert {row["request_id"] for row in rows} == set(ids[:3]) and len(rows) == 9
    (period,) = numbers.statistics(audit, Filter()).periods
    assert period.events == 4 and period.blocked == {"no_analytics_consent": 8, "no_marketing_consent": 4}
    assert query.export(audit, Filter(), tmp_path / "all.parquet") == 12
    assert query.rows(audit, Filter(request_id=ids[1]), limit=9)[0]["request_id"] == ids[1]
    assert "×3 page_view" in run(folder, "tail")


def test_a_group_is_found_and_forgotten_by_its_person_as_one_line(log):
    """Erasure cuts one line, and three events lead to no person any more."""
    folder, ids = log
    people = pseudonyms(RING, {"user_id": "u-1"})
    rows = query.rows(folder / "audit", Filter(subjects=people), limit=100)
    assert {row["request_id"] for row in rows} == set(ids[:3])
    assert redact.find(folder / "audit", redact.about(people)).lines == 1


def test_two_decisions_that_claim_one_id_are_both_shown(tmp_path):
    """A forged one must not stand for the true one, wherever it was put."""
    gate = make_gate()
    (true,) = arrivals(gate, event())
    forged = true.line.core.replace(b'"analytics":false', b'"analytics":true')
    for n, core in enumerate((true.line.core, forged)):
        stream = Stream(tmp_path / "audit", signer=SIGNER, clock=Clock(NOW + n))
        stream.write([lines.Line(core)])
        stream.close()
    (tmp_path / "gatekeeper.toml").write_text(POLICY)
    found = read.find(tmp_path / "audit", true.request_id)
    assert sorted(one["consent_state"]["analytics"] for one in found) == [False, True]
    result = CliRunner().invoke(app, ["audit", "show", true.request_id, "-c", str(tmp_path / "gatekeeper.toml")])
    assert f"2 decisions claim {true.request_id}" in result.output and "decision 2 of 2" in result.output
    assert "audit verify" in result.output
