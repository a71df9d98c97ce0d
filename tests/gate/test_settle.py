"""What a decision says where nothing is sent after all, and what it says of what is sent."""

from __future__ import annotations

import pytest
from msgspec import structs

from gatekeeper.gate.carry import crowded_out, decision_lines, unrecorded
from gatekeeper.gate.settle import failed, full, insufficient, unnamed, without_room
from gatekeeper.model import Shaped, Verdict
from tests.builders import DESTINATIONS, make_gate, make_policy, own_cookie, plan
from tests.native.kit import granting, vector

POLICY = make_policy(destinations={name: DESTINATIONS[name] for name in ("ga4", "meta_capi")})
GATE = make_gate(POLICY)
GRANTED = [("cookie", own_cookie("analytics", "marketing"))]
EVENT = {"event": "purchase", "data": {"page_url": "/", "order_value": 7, "currency": "EUR", "session_id": "s_1"}}
NOTHING = {"kept": {}, "stripped": {}, "derived": ()}


def made():
    """The plan of an event that a visitor permits."""
    return plan(EVENT, gate=GATE, headers=GRANTED)


def permitted(name="ga4"):
    """A decision with something in every part of it."""
    (decision,) = [one for one in made().decisions if one.destination == name]
    assert decision.verdict is not Verdict.BLOCK and decision.kept
    return structs.replace(
        decision, stripped={"ip": "not_needed"}, derived=("client_id",), scrubbed={"page_url": ("email",)},
        native={"page_url": ("dl",)},
    )  # fmt: skip


def same(decision, before, **changed):
    """That everything but this is as it was."""
    for name in decision.__struct_fields__:
        assert getattr(decision, name) == changed.get(name, getattr(before, name)), name
    assert isinstance(decision.derived, tuple)


def test_a_queue_without_room_blocks_what_was_permitted() -> None:
    """Nothing of it is left in the decision but why it was permitted, and one step more."""
    before = permitted()
    after = full(before)
    (*steps, last) = after.steps
    assert tuple(steps) == before.steps
    assert tuple(last) == (
        "queue", "full", "too many deliveries wait for this destination already",
    )  # fmt: skip
    same(
        after, before, verdict=Verdict.BLOCK, reason="queue_full", scrubbed={}, native={}, steps=after.steps, **NOTHING
    )


def test_too_little_data_blocks_what_was_permitted() -> None:
    """With what is missing as a step; what was scrubbed stays."""
    before = permitted()
    after = insufficient(before, "no value")
    (*steps, last) = after.steps
    assert tuple(steps) == before.steps and tuple(last) == (
        "minimum data",
        "not met",
        "no value",
    )
    same(after, before, verdict=Verdict.BLOCK, reason="insufficient_data", steps=after.steps, **NOTHING)


def test_where_the_gate_fails_it_is_closed() -> None:
    """The destination's legal basis is all that is known."""
    for to in POLICY.destinations.values():
        one = failed(to)
        assert (one.destination, one.verdict, one.reason) == (to.name, Verdict.BLOCK, "internal_error")
        assert (one.kept, one.legal_basis, one.basis, one.steps) == ({}, to.legal_basis, None, ())
        other = unnamed(to)
        (step,) = other.steps
        assert tuple(step) == ("event name", "refused", "it holds what the event declares")
        same(other, one, reason="insufficient_data", steps=other.steps)


@pytest.mark.parametrize(
    ("names", "blocked"),
    [(set(), []), ({"other"}, []), ({"ga4"}, ["ga4"]), ({"ga4", "meta_capi", "other"}, ["ga4", "meta_capi"])],
)
def test_a_plan_loses_its_deliveries_to_full_queues_alone(names, blocked) -> None:
    """The others go on; where none is full the plan is the same."""
    before = structs.replace(made(), shaped={name: Shaped(b"h", b"b") for name in POLICY.destinations})
    after = without_room(before, frozenset(names))
    assert [one.destination for one in after.decisions if one.reason == "queue_full"] == blocked
    assert sorted(after.shaped) == sorted(set(before.shaped) - set(blocked))
    assert (after is before) is (not blocked)
    assert (after.event, after.subjects, after.consent) == (before.event, before.subjects, before.consent)


def test_only_what_would_be_sent_is_blocked_by_a_full_queue() -> None:
    """A destination that gets nothing of the event keeps its own reason."""
    before = structs.replace(made(), shaped={"ga4": Shaped(b"h", b"b")})
    after = without_room(before, frozenset({"ga4", "meta_capi"}))
    assert after.shaped == {} and [one.reason for one in after.decisions].count("queue_full") == 1


def call(*granted):
    """The plan of a call to Meta."""
    gate = make_gate(make_policy(destinations={"meta": DESTINATIONS["meta_capi"]}))
    return gate, granting(gate, "meta", vector("meta-capi-python-sdk"), *granted)


def test_a_call_that_is_crowded_out_is_blocked_in_each_element() -> None:
    """Nothing is sent, the SDK gets its answer; what was blocked already keeps its reason."""
    gate, before = call("analytics", "marketing")
    after = crowded_out(before)
    assert (after.outgoing, after.reason, after.answer) == (None, "queue_full", before.answer)
    assert {one.reason for each in after.plans for one in each.decisions} == {"queue_full"}
    assert len(after.plans) == len(before.plans) == len(decision_lines(gate, after))
    _, refused = call()
    assert crowded_out(refused).plans == refused.plans


def test_a_call_whose_line_cannot_be_written_is_not_sent() -> None:
    """Its decisions stay what they are."""
    _, before = call("analytics", "marketing")
    after = unrecorded(before)
    assert (after.outgoing, after.reason, after.answer, after.plans) == (
        None, "audit_unavailable", before.answer, before.plans,
    )  # fmt: skip
    assert after.header == "blocked; reason=audit_unavailable"
    assert before.header == f"sent; elements={len(before.plans)}/{len(before.plans)}"
