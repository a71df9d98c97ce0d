"""Calls that are not planned as what they are: over a rate, to nowhere, of another format, and where the gate fails."""

from __future__ import annotations

import logging

import orjson
import pytest

from gatekeeper.gate.calls import limit_call, misdirected, plan_call, refuse_call
from gatekeeper.model import Answer, Caller
from gatekeeper.vendors.dialect import Unreadable
from tests.builders import DESTINATIONS, NOW, make_gate, make_policy
from tests.native.kit import request, vector

GATE = make_gate(make_policy(destinations={"meta": DESTINATIONS["meta_capi"]}))
TO = GATE.policy.destinations["meta"]
META = vector("meta-capi-python-sdk")
SINK = {"kind": "first_party", "endpoint": "http://127.0.0.1:9"}


def line(plan):
    """Destination, reason and step of the one decision, and what else its plan says."""
    (made,) = plan.plans
    (decision,) = made.decisions
    assert (plan.outgoing, plan.kept, plan.dialect, plan.native) == (None, (), None, None)
    assert (made.consent, made.subjects, made.shaped, made.inputs.kind) == (None, (), {}, "call")
    assert (made.event.name, made.event.id, made.event.time, dict(made.event.data)) == (
        "call",
        made.request_id,
        NOW,
        {},
    )
    assert (made.place.country, made.place.how, made.at) == (None, "unknown", NOW)
    assert made.place.laws == (GATE.policy.laws.strictest,)
    assert decision.reason == plan.reason
    return decision.destination, decision.reason, [tuple(step) for step in decision.steps]


def test_a_call_over_a_rate_gets_the_answer_of_its_format() -> None:
    """Nothing of it is read, and its line is counted with others."""
    plan = limit_call(GATE, TO, META)
    assert (plan.to, plan.plans, plan.outgoing, plan.reason) == (TO, (), None, "rate_limited")
    assert (plan.answer.status, orjson.loads(plan.answer.body)["events_received"]) == (200, 0)
    assert plan.header == "blocked; reason=rate_limited" and plan.subjects == ()
    assert GATE.recorder.lines[-1]["deliveries"][0]["reason"] == "rate_limited"
    assert limit_call(GATE, TO, request("/nowhere")).answer == Answer(204)


@pytest.mark.parametrize(
    ("more", "reason", "status"),
    [((), "unlisted_destination", 204), ((Answer(418), "call_unreadable"), "call_unreadable", 418)],
)
def test_a_call_to_a_host_that_the_policy_does_not_list_is_blocked_under_its_name(more, reason, status) -> None:
    """As the strictest thing it can be: marketing."""
    plan = refuse_call(GATE, "ads.example", *more)
    why = [("call", "blocked", "the policy has no destination for this host")]
    assert line(plan) == ("ads.example", reason, why)
    assert plan.answer.status == status and plan.to.purpose == "marketing" and plan.to.name == "ads.example"


def test_a_call_that_nobody_may_hand_on_says_why() -> None:
    """In the words of whom it was turned away by."""
    plan = misdirected(GATE, TO, "a path with two dots")
    assert line(plan) == ("meta", "call_unreadable", [("call", "blocked", "a path with two dots")])
    assert plan.answer == Answer(204)


OTHER = "the path is not one of this vendor's"
PRODUCT = "the path is not one of the product that the destination speaks, or `speaks` is missing"


@pytest.mark.parametrize(
    ("destination", "path", "why"),
    [
        (DESTINATIONS["meta_capi"], "/nowhere", OTHER),
        (SINK | {"speaks": "posthog"}, "/nowhere", PRODUCT),
    ],
    ids=["a-vendor", "a-product"],
)
def test_a_path_of_no_format_is_blocked(destination, path, why) -> None:
    """With what may be missing in the policy."""
    gate = make_gate(make_policy(destinations={"it": destination}))
    plan = plan_call(gate, gate.policy.destinations["it"], request(path, b"{}"), Caller())
    assert (plan.reason, plan.answer) == ("call_unreadable", Answer(204))
    assert plan.plans[0].decisions[0].steps[0][2] == why


@pytest.mark.parametrize(
    ("error", "reason", "why", "logged"),
    [
        (Unreadable("no list"), "call_unreadable", "no list", []),
        (
            ZeroDivisionError("jane"),
            "internal_error",
            "",
            ["the gate failed on a call to meta (ZeroDivisionError); it was blocked"],
        ),
    ],
    ids=["unreadable", "a-fault-of-the-gate"],
)
def test_what_goes_wrong_blocks_the_call_and_logs_no_value(monkeypatch, caplog, error, reason, why, logged) -> None:
    """The SDK gets the answer of its format all the same."""
    from gatekeeper.gate import calls

    def broken(*_, **__):
        raise error

    monkeypatch.setattr(calls, "_plan_call", broken)
    with caplog.at_level(logging.ERROR):
        plan = plan_call(GATE, TO, META, Caller())
    assert line(plan) == ("meta", reason, [("call", "blocked", why)])
    assert plan.answer == limit_call(GATE, TO, META).answer
    assert [one.getMessage() for one in caplog.records] == logged
