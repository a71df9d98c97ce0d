"""`gatekeeper test`: a policy's own cases pass, or say what came instead."""

import json

from tests.cli.test_cli import POLICY

CASES = """
[[tests]]
name = "the guide's purchase"
event.event = "purchase"
event.consent = { analytics = true, marketing = false }
event.data = { order_value = 1, session_id = "s", fbclid = "x" }
expect = { ga4 = ["session_id", "order_value"], meta_capi = "no_marketing_consent", errors = "event_not_routed" }

[[tests]]
name = "GPC in California"
event = { event = "purchase", data = { session_id = "s", fbclid = "x" } }
law = "ccpa"
gpc = true
expect = { ga4 = "send", meta_capi = "gpc_opt_out" }

[[tests]]
name = "no signal in California"
event = { event = "purchase", data = { session_id = "s", fbclid = "x" } }
law = "ccpa"
expect = { meta_capi = "send" }
"""


def test_cases_that_hold_pass(gatekeeper, tmp_path):
    """Exit code 0, one line each."""
    (tmp_path / "gatekeeper.toml").write_text(POLICY + CASES)
    assert "3 passed, 0 failed" in gatekeeper("test", code=0).stdout


def test_a_case_that_does_not_hold_says_what_came_instead(gatekeeper, tmp_path):
    """Exit code 1, expected beside got."""
    wrong = CASES.replace('meta_capi = "gpc_opt_out"', 'meta_capi = "send"').replace('"order_value"]', '"page_url"]')
    (tmp_path / "gatekeeper.toml").write_text(POLICY + wrong)
    failed = json.loads(gatekeeper("test", "--json", code=1).stdout)["failed"]
    assert failed == {
        "the guide's purchase": ["ga4: expected page_url, session_id, got order_value, session_id"],
        "GPC in California": ["meta_capi: expected send, got gpc_opt_out"],
    }


def test_a_policy_without_cases_is_told_how(gatekeeper, tmp_path):
    """No silent success."""
    (tmp_path / "gatekeeper.toml").write_text(POLICY)
    assert "has no [[tests]]" in gatekeeper("test", code=1).stderr
