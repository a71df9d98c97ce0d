"""What stands in a line, and how a decision and its outcomes become the guide's record."""

import orjson

from gatekeeper.audit import lines, read
from gatekeeper.vendors.formats.normalise import sha256
from tests.builders import GUIDE_EVENT, NOW, make_gate, own_cookie, plan


def outcome(status, why=None, attempts=1, destination="ga4"):
    line = lines.outcome_line(
        at=NOW, destination=destination, request_ids=["req_test"], status=status, why=why, attempts=attempts
    )
    return orjson.loads(line.core)


def test_a_decision_line_has_the_keys_an_auditor_searches_by():
    """At the top level: request id, three booleans, the ISO country."""
    gate = make_gate()
    record = orjson.loads(lines.decision_line(plan(GUIDE_EVENT, gate=gate), gate.policy).core)
    assert record["kind"] == "decision" and record["country"] is None
    assert set(record["consent_state"].values()) <= {True, False} and len(record["consent_state"]) == 3
    assert record["timestamp"] == "2026-11-24T00:00:00Z"
    assert record["policy"] == {"version": "test", "hash": gate.policy.hash}


def test_the_last_outcome_of_a_destination_counts():
    """A retry that ends well is delivered; other destinations keep their own."""
    gate = make_gate()
    decision = orjson.loads(lines.decision_line(plan(GUIDE_EVENT, gate=gate), gate.policy).core)
    joined = read.join(decision, [outcome("failed", "http_500"), outcome("delivered", attempts=2)])
    by_name = {delivery["destination"]: delivery for delivery in joined["deliveries"]}
    assert (by_name["ga4"]["status"], by_name["ga4"]["attempts"]) == ("delivered", 2)
    assert by_name["own"]["status"] == "pending"
    assert by_name["meta_capi"] == {"destination": "meta_capi", "status": "blocked", "reason": "no_marketing_consent"}


def test_an_outcome_cannot_unblock():
    """A line that names a blocked destination changes nothing."""
    gate = make_gate()
    decision = orjson.loads(lines.decision_line(plan(GUIDE_EVENT, gate=gate), gate.policy).core)
    joined = read.join(decision, [outcome("delivered", destination="meta_capi")])
    assert joined["deliveries"][1]["status"] == "blocked"


def test_subjects_are_pseudonyms_of_every_identifier():
    """User id, client id, e-mail and consent id; never themselves."""
    gate = make_gate()
    event = {"event": "x", "data": {"user_id": "u-123456", "client_id": "c-123456", "email": "Jane@Example.com"}}
    made = plan(event, gate=gate, headers=[("cookie", own_cookie("analytics", subject="v_123"))])
    expected = [("consent", "v_123"), ("client_id", "c-123456"), ("user_id", "u-123456")]
    expected.append(("email", sha256("jane@example.com")))
    assert list(made.subjects) == [gate.keys.name(*pair) for pair in expected]
    line = lines.decision_line(made, gate.policy).core
    assert all(word not in line for word in (b"u-123456", b"c-123456", b"jane", b"v_123"))
