"""Where the gate itself fails, everything is blocked and the log says so, without a word of the visitor's."""

from __future__ import annotations

from urllib.parse import urlencode

import orjson
import pytest

from gatekeeper.consent import token
from gatekeeper.gate import batches as batched
from gatekeeper.gate import calls, planning
from gatekeeper.gate.calls import blocked, limit_call, misdirected, refuse_call
from gatekeeper.gate.carry import decision_lines
from gatekeeper.gate.settle import settled
from gatekeeper.model import Answer
from gatekeeper.model.reasons import INTERNAL, RATE_LIMITED, UNLISTED, UNREADABLE_CALL
from tests.builders import GUIDE_EVENT, NOW, RING, decisions, make_gate, make_policy, own_cookie, plan
from tests.gate.test_batches import EVENT, GATE, TO, batch, planned, posting
from tests.native.kit import gate_of, request
from tests.native.kit import plan as plan_of

HEADERS = [("cookie", own_cookie("analytics", "marketing"))]
ROUTED = make_policy(events={"purchase": {"destinations": ["ga4", "own"]}})
SECRET = "jane.doe@example.com"


def failing(*_, **__):
    raise ValueError(SECRET)


def said(caplog):
    return [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


def test_an_event_on_which_the_gate_fails_is_blocked_where_it_would_have_gone(monkeypatch, caplog):
    """And nowhere else; it is of no time but its arrival's, and under the strictest law."""
    monkeypatch.setattr(planning, "canonical", failing)
    made = plan(GUIDE_EVENT, gate=make_gate(ROUTED), headers=HEADERS)
    assert {one.destination: one.reason for one in made.decisions} == {"ga4": INTERNAL, "own": INTERNAL}
    assert (made.shaped, made.subjects, made.consent, made.at) == ({}, (), None, NOW)
    assert (made.event.name, made.event.id, made.event.time, made.event.data) == ("purchase", "req_test", NOW, {})
    assert (made.place.country, made.place.region, made.place.how) == (None, None, "unknown")
    assert made.place.laws == (ROUTED.laws.strictest,)
    assert said(caplog) == ["the gate failed on an event (ValueError); it was blocked"]


def test_a_destination_at_which_the_gate_fails_is_blocked_alone(monkeypatch, caplog):
    """The others get theirs."""

    def fails_at_one(decision, event, shaped, scrubbed, personal, to, catalogue):
        if to.name == "ga4":
            raise ValueError(SECRET)
        return settled(decision, event, shaped, scrubbed, personal, to, catalogue)

    monkeypatch.setattr("gatekeeper.gate.verdicts.settled", fails_at_one)
    made = plan(GUIDE_EVENT, gate=make_gate(ROUTED), headers=HEADERS)
    assert decisions(made)["ga4"].reason == INTERNAL and set(made.shaped) == {"own"}
    assert said(caplog) == ["the gate failed on an event for ga4 (ValueError); blocked"]


def test_a_call_on_which_the_gate_fails_is_blocked_and_answered(monkeypatch, caplog):
    """As the vendor would answer."""
    monkeypatch.setattr(calls, "_plan_call", failing)
    gate = gate_of("tiktok")
    made = plan_of(gate, request("/open_api/v1.3/event/track/", b"{}"))
    assert (made.outgoing, made.reason) == (None, INTERNAL) and made.plans[0].decisions[0].reason == INTERNAL
    assert said(caplog) == ["the gate failed on a call to it (ValueError); it was blocked"]


def test_a_batch_on_which_the_gate_fails_is_blocked_as_a_whole(monkeypatch, caplog):
    """And answered with nothing."""
    monkeypatch.setattr(batched, "_planned", failing)
    made = planned(posting(), posting())
    assert (made.outgoing, made.reason, made.to.name) == (None, INTERNAL, "meta")
    assert made.answer == Answer(200, (("Content-Type", "application/json"),), b"[]")
    assert said(caplog) == ["the gate failed on a batch to meta (ValueError); it was blocked"]


def test_a_call_of_which_nothing_is_known_has_one_line():
    """With the host or the destination, the reason and why; it is answered as it is told."""
    answer = Answer(418)
    made = blocked(GATE, TO, NOW - 5, UNREADABLE_CALL, "why", answer)
    (one,) = made.plans
    assert (made.to, made.outgoing, made.answer, made.reason) == (TO, None, answer, UNREADABLE_CALL)
    assert (one.at, one.event.name, one.event.time, one.inputs.kind) == (NOW - 5, "call", NOW - 5, "call")
    (decision,) = one.decisions
    assert (decision.destination, decision.reason, decision.legal_basis) == ("meta", UNREADABLE_CALL, TO.legal_basis)
    assert [tuple(step) for step in decision.steps] == [("call", "blocked", "why")]
    assert len(decision_lines(GATE, made)) == 1
    refused = refuse_call(GATE, "tracker.example")
    assert (refused.to.name, refused.reason, refused.answer) == ("tracker.example", UNLISTED, Answer(204))
    assert refused.plans[0].decisions[0].steps[0].why == "the policy has no destination for this host"
    astray = misdirected(GATE, TO, "two slashes")
    assert (astray.reason, astray.plans[0].decisions[0].steps[0].why) == (UNREADABLE_CALL, "two slashes")


def test_a_call_over_a_rate_is_counted_and_answered():
    """It has no line of its own."""
    made = limit_call(GATE, TO, batch(posting()))
    assert (made.to, made.plans, made.outgoing, made.reason) == (TO, (), None, RATE_LIMITED)


@pytest.mark.parametrize(
    ("ago", "time", "since", "held"),
    [
        (60, NOW - 30, NOW - 60, True),
        (60, NOW - 90, NOW - 60, True),
        (60, NOW, NOW - 60, False),
        (60, NOW + 9, NOW - 60, False),
    ],
    ids=["behind-the-notice", "before-it", "now", "in-the-future"],
)
def test_an_event_that_waited_for_an_answer_is_as_old_as_its_notice_at_most(ago, time, since, held):
    """By the time of arrival; what the visitor permits is that of then."""
    claims = token.Claims("d1", NOW - ago, "sha256-x", "en", ("analytics",), ("gdpr",), "p", token.NOBODY)
    event = GUIDE_EVENT | {"event_time": time, "held": token.write(claims, RING.sign)}
    made = plan(event, headers=[("cookie", own_cookie("analytics", at=NOW - 1))])
    assert made.event.time == min(max(time, since), NOW) and made.inputs.held is held
    assert made.consent.rulings["analytics"].permission == "granted"


def test_a_call_whose_event_is_named_after_what_it_declares_is_not_sent():
    """Nor one whose name is an address; the log calls it unnamed."""
    for name in ("jane-zqdoe", SECRET):
        event = EVENT | {"event_name": name, "user_data": {"fn": "zqdoe"}}
        made = planned(posting() | {"body": urlencode({"data": orjson.dumps([event]).decode()})})
        assert made.outgoing is None and made.plans[0].event.name == "unnamed"
