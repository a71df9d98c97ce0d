"""What is particular to one analytics product."""

import pytest

from gatekeeper.model import Caller
from tests.native.kit import gate_of, plan, readable, request, sent, stamp, visitor

ME = visitor("analytics")
# Plausible


# PostHog


@pytest.mark.parametrize("path", ["/e/", "/e", "/capture/", "/i/v0/e/", "/track/", "/batch/", "/engage/"])
def test_posthog_takes_single_events_lists_and_batches(path):
    """The same event in each of the three shapes."""
    event = {"event": "seen", "distinct_id": "a", "properties": {"$ip": "203.0.113.9", "$lib": "web"}}
    left = {"event": "seen", "distinct_id": "a", "properties": {"$lib": "web"}}
    for shape in (lambda one: one, lambda one: [one], lambda one: {"batch": [one]}):
        assert sent(plan(gate_of("posthog"), request(path, shape(event)), ME)) == shape(left)


@pytest.mark.parametrize("name", ["jane@example.com", "+49 151 23456789", "x" * 300, "kauf\n"])
def test_a_name_that_is_none_stands_in_no_audit_line(name):
    """Event names come from outside, too; an event without one is none of PostHog's."""
    made = plan(gate_of("posthog"), request("/e/", {"event": name, "distinct_id": "a"}), ME)
    assert [one.event.name for one in made.plans] == ["unnamed"]
    assert made.outgoing is None or name not in readable(made.outgoing)


# Segment and RudderStack


def consent(**preferences: bool) -> dict[str, object]:
    return {"consent": {"categoryPreferences": preferences}}


# Mixpanel


# Amplitude


# Snowplow


# Matomo


def test_a_marked_event_is_not_whose_headers_it_came_with():
    """GPC and cookies of the request by which a server carries a batch are another visitor's; a browser's narrow it."""
    rows = [{"event": "seen", "distinct_id": "a", "gatekeeper_context": stamp("analytics", "marketing")}]
    gate = gate_of("posthog", purpose="marketing", fields=["page_url"])
    call = request("/batch/", {"batch": rows, "distinct_id": "x"}, sec_gpc="1")
    assert not plan(gate, call, Caller(relayed=True)).plans[0].consent.gpc_detected
    assert plan(gate, call).reason == "gpc_opt_out"
