"""Stage 4: the first failing check gives the reason, and every field that is not sent has a cause."""

import pytest

from gatekeeper.model import Verdict
from tests.builders import DESTINATIONS, decisions, make_gate, make_policy, own_cookie, plan

BOTH = [("cookie", own_cookie("analytics", "marketing"))]


def gate_with(name="ga4", **keys):
    return make_gate(make_policy(destinations={name: DESTINATIONS[name] | keys}))


def purchase(**more):
    return {"event": "purchase", "data": {"page_url": "/x", "session_id": "s1", "order_value": 5}, **more}


def test_an_event_is_not_routed_where_it_does_not_belong():
    """By default `error` goes to error monitors only, everything else to everybody else; no trace in the record."""
    assert set(decisions(plan({"event": "error", "data": {"error_message": "x"}}))) == {"errors"}
    assert set(decisions(plan(purchase()))) == {"ga4", "meta_capi", "own"}


def test_events_and_destinations_can_route_otherwise():
    """`events` of a destination and `[events.*]` both narrow."""
    policy = make_policy(
        destinations=DESTINATIONS | {"ga4": DESTINATIONS["ga4"] | {"events": ["purchase", "error"]}},
        events={"sign_up": {"destinations": ["own", "ga4"]}, "error": {"destinations": ["errors", "ga4"]}},
    )
    routed = {name: {to.name for to in policy.destinations_for(name)} for name in ("purchase", "sign_up", "error", "x")}
    assert routed == {
        "purchase": {"ga4", "meta_capi", "own"},
        "sign_up": {"own"},
        "error": {"errors", "ga4"},
        "x": {"meta_capi", "own"},
    }


def test_a_region_the_policy_does_not_list_is_blocked_before_consent_is_asked():
    """`jurisdiction_blocked` comes first; an unknown place is outside every list."""
    gate = gate_with(regions=["DE"])
    assert decisions(plan(purchase(), gate=gate, headers=BOTH))["ga4"].reason == "jurisdiction_blocked"
    inside = plan(purchase(place={"country": "DE"}), gate=gate, headers=BOTH, trusted=True)
    assert decisions(inside)["ga4"].verdict is Verdict.SEND
    outside = plan(purchase(place={"country": "FR"}), gate=gate, headers=BOTH, trusted=True)
    assert decisions(outside)["ga4"].reason == "jurisdiction_blocked"


def test_a_region_list_can_name_a_state():
    """US-CA lets in California alone."""
    gate = gate_with(regions=["US-CA"])
    sent = {
        region: decisions(
            plan(purchase(place={"country": "US", "region": region}), gate=gate, headers=BOTH, trusted=True)
        )["ga4"].verdict
        for region in ("CA", "TX")
    }
    assert sent == {"CA": Verdict.SEND, "TX": Verdict.BLOCK}


def test_declared_purposes_limit_an_event():
    """Purpose limitation: an event collected for analytics does not reach marketing."""
    made = decisions(plan(purchase(purposes=["necessary", "analytics"]), headers=BOTH))
    assert (made["ga4"].reason, made["meta_capi"].reason) == (None, "purpose_mismatch")


def test_every_field_that_is_not_sent_has_its_cause():
    """unknown_field, purpose, not_needed, invalid."""
    event = purchase()
    event["data"] |= {"email": "jane@example.com", "user_agent": "x", "nonsense": 1, "currency": "???"}
    made = decisions(plan(event, gate=gate_with(), headers=BOTH))["ga4"]
    assert dict(made.stripped) == {
        "email_hash": "purpose",
        "user_agent": "not_needed",
        "nonsense": "unknown_field",
        "currency": "invalid",
    }


def test_an_opt_out_under_an_opt_out_law_can_leave_the_context():
    """`on_opt_out = "contextual"`: identifiers stripped, contextual fields sent; under opt-in nothing."""
    own = {"own": DESTINATIONS["own"] | {"purpose": "marketing", "on_opt_out": "contextual",
           "fields": ["page_url", "order_value", "fbclid"]}}  # fmt: skip
    event = {"event": "purchase", "data": {"page_url": "/x", "order_value": 5, "fbclid": "abc"}}
    gpc = [("sec-gpc", "1")]
    for law, verdict in (("ccpa", Verdict.CONTEXTUAL), ("gdpr", Verdict.BLOCK)):
        gate = make_gate(make_policy(destinations=own, jurisdiction={"default": law}))
        made = decisions(plan(event, gate=gate, headers=gpc, address="127.0.0.1"))["own"]
        assert made.verdict is verdict
        if verdict is Verdict.CONTEXTUAL:
            assert (list(made.kept), dict(made.stripped)) == (["page_url", "order_value"], {"fbclid": "opt_out"})


@pytest.mark.parametrize("kind", ["ga4", "meta_capi", "errors"])
def test_a_bug_in_a_destination_blocks_it_and_nobody_else(kind, monkeypatch):
    """Fail closed: an exception while shaping is `internal_error` there, and the others are served."""
    from gatekeeper.vendors import KINDS

    policy = make_policy(events={"all": {"destinations": list(DESTINATIONS)}})
    broken = policy.destinations[kind].kind.name
    monkeypatch.setattr(KINDS[broken], "shape", lambda *args: 1 / 0)
    event = {"event": "all", "data": {"page_url": "/x", "session_id": "s", "error_message": "m", "fbclid": "abc"}}
    made = decisions(plan(event, gate=make_gate(policy), headers=BOTH))
    assert {name: d.reason for name, d in made.items()} == {
        name: "internal_error" if name == kind else None for name in DESTINATIONS
    }


def test_a_bug_in_the_gate_blocks_everything(monkeypatch):
    """Fail closed, and the record names the event and its destinations."""
    monkeypatch.setattr("gatekeeper.gate.situation.resolve", lambda *args, **kwargs: 1 / 0)
    made = plan(purchase(), headers=BOTH)
    assert {d.reason for d in made.decisions} == {"internal_error"}
    assert made.shaped == {}


def test_a_decision_carries_the_rules_that_led_to_it():
    """The trail names signals, rulings and the check that failed, in order."""
    steps = decisions(plan(purchase(), headers=[*BOTH, ("sec-gpc", "1")]))["meta_capi"].steps
    assert [step.rule for step in steps] == [
        "signal gatekeeper_consent",
        "signal sec-gpc",
        "consent for analytics",
        "consent for marketing",
        "needs marketing",
    ]
