"""`gatekeeper test`: a policy's own cases pass, or say what came instead."""

import json
import re

import pytest

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


MORE = """
[[tests]]
name = "a place"
event = { event = "purchase", data = { session_id = "s", fbclid = "x" } }
place = "US-TX"
expect = { meta_capi = "send" }

[[tests]]
name = "another place"
event = { event = "purchase", data = { session_id = "s", fbclid = "x" } }
place = "DE"
expect = { meta_capi = "no_marketing_consent" }

[[tests]]
name = "two cookies"
event = { event = "purchase", data = { session_id = "s", fbclid = "x" } }
place = "US-CA"
cookie = ["a=b", "usprivacy=1YYN"]
expect = { meta_capi = "sale_opt_out", ga4 = "send" }

[[tests]]
name = "a child"
event = { event = "purchase", consent = { marketing = true }, data = { fbclid = "x" } }
age = "under_13"
expect = { meta_capi = "minor" }

[[tests]]
name = "a call that is blocked"
place = "DE"
expect = { ga4 = "no_analytics_consent" }
[tests.call]
to = "ga4"
path = "/mp/collect?measurement_id=G-ABC1234567&api_secret=x"
body = { client_id = "1.2", events = [{ name = "purchase", params = { value = 1 } }] }

[[tests]]
name = "a call that is sent"
place = "US-TX"
expect = { ga4 = "send" }
[tests.call]
to = "ga4"
path = "/mp/collect?measurement_id=MEASUREMENT&api_secret=x"
body = { client_id = "1.2", events = [{ name = "purchase", params = { value = 1, currency = "EUR" } }] }
"""


def more():
    """The cases, with the policy's own account in the call."""
    account = re.search(r'measurement_id = "(.+?)"', POLICY)[1]
    return MORE.replace("MEASUREMENT", account).replace("G-ABC1234567", account)


def test_cases_have_places_cookies_ages_and_calls(gatekeeper, tmp_path):
    """Each is decided as the gate decides."""
    (tmp_path / "gatekeeper.toml").write_text(POLICY + more())
    assert "6 passed, 0 failed" in gatekeeper("test", code=0).stdout


def test_a_call_that_is_otherwise_fails(gatekeeper, tmp_path):
    """The check can fail: the blocked call is expected to be sent."""
    wrong = more().replace('ga4 = "no_analytics_consent"', 'ga4 = "send"')
    (tmp_path / "gatekeeper.toml").write_text(POLICY + wrong)
    failed = json.loads(gatekeeper("test", "--json", code=1).stdout)["failed"]
    assert failed == {"a call that is blocked": ["ga4: expected send, got no_analytics_consent"]}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param('place = "US-TX"', 'place = "Atlantis"', "is not a country", id="place"),
        pytest.param('place = "US-TX"', 'place = "DE"\nlaw = "gdpr"', "a law or a place", id="law-and-place"),
        pytest.param('to = "ga4"', 'to = "ga5"', "is not a destination", id="call"),
        pytest.param('age = "under_13"', 'age = "young"', "age", id="age"),
        pytest.param(
            'expect = { ga4 = "send" }', 'expect = { meta_capi = "send" }', "gets nothing of a call", id="other"
        ),
        pytest.param('name = "a child"\nevent', 'name = "a child"\nevents', "event", id="nothing"),
    ],
)
def test_a_faulty_case_is_named(gatekeeper, tmp_path, old, new, told):
    """One sentence by `check`."""
    (tmp_path / "gatekeeper.toml").write_text(POLICY + more().replace(old, new, 1))
    done = gatekeeper("check", code=1)
    assert told in done.stdout + done.stderr


def test_outcomes_that_no_case_expects_are_named(gatekeeper, tmp_path):
    """Destination by destination; a case takes its outcome off the list."""
    (tmp_path / "gatekeeper.toml").write_text(POLICY + CASES)
    told = json.loads(gatekeeper("test", "--json", code=0).stdout)["coverage"]
    assert told["expected"] + sum(map(len, told["never"].values())) == told["possible"]
    assert "gpc_opt_out" not in told["never"]["meta_capi"] and "sale_opt_out" in told["never"]["meta_capi"]
    assert "gpc_opt_out" not in told["never"]["ga4"]  # of analytics, it cannot be
    assert "never expected of meta_capi: " in gatekeeper("test").stdout


def test_cases_out_of_the_log_hold(gatekeeper, log):
    """What `--from-audit` prints passes, shows every outcome of these lines once, and has no id of a visitor in it."""
    printed = gatekeeper("test", "--from-audit", "--since", "1d", code=0)
    assert "of 40 lines" in printed.stderr
    assert "s17" not in printed.stdout
    (log / "gatekeeper.toml").write_text(POLICY + printed.stdout)
    told = json.loads(gatekeeper("test", "--json", code=0).stdout)
    assert told["passed"] == printed.stdout.count("[[tests]]") == 2
    assert "send" not in told["coverage"]["never"]["meta_capi"]
    assert "no_marketing_consent" not in told["coverage"]["never"]["meta_capi"]


def test_no_lines_give_no_cases(gatekeeper, log):
    """Exit code 3."""
    gatekeeper("test", "--from-audit", "--since", "2999-01-01", code=3)
