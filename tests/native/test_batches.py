"""Batches: one decision per event, each by its own visitor, and the caller's own numbering back."""

import json

import pytest

from gatekeeper.model import Answer
from tests.native.calling import answered, everything, gate_of, plan, request, sent, stamp, stripped, visitor

KEY = "gatekeeper_context"
# Per product: a path, the body of some events, one event about `who` with the mark on it, and who is in a body.
BATCHES = {
    "posthog": (
        "/batch/",
        lambda events: {"api_key": "phc", "batch": events},
        lambda who, mark: {"event": "seen", "distinct_id": who, "properties": {"$lib": "posthog-python"}, **mark},
        lambda body: [one["distinct_id"] for one in body["batch"]],
    ),
    "segment": (
        "/v1/batch",
        lambda events: {"batch": events, "writeKey": "WK"},
        lambda who, mark: {"type": "track", "event": "seen", "anonymousId": who, "messageId": f"m-{who}", **mark},
        lambda body: [one["anonymousId"] for one in body["batch"]],
    ),
    "rudderstack": (
        "/v1/batch",
        lambda events: {"batch": events},
        lambda who, mark: {"type": "track", "event": "seen", "anonymousId": who, "context": {**mark}},
        lambda body: [one["anonymousId"] for one in body["batch"]],
    ),
    "mixpanel": (
        "/import",
        lambda events: events,
        lambda who, mark: {"event": "seen", "properties": {"distinct_id": who, "token": "T", **mark}},
        lambda body: [one["properties"]["distinct_id"] for one in body],
    ),
    "amplitude": (
        "/2/httpapi",
        lambda events: {"api_key": "K", "events": events},
        lambda who, mark: {"event_type": "seen", "device_id": who, "event_properties": {**mark}},
        lambda body: [one["device_id"] for one in body["events"]],
    ),
    "snowplow": (
        "/com.snowplowanalytics.snowplow/tp2",
        lambda events: {"schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4", "data": events},
        lambda who, mark: {"e": "pv", "p": "srv", "tv": "py-1.1.0", "duid": who, **mark},
        lambda body: [one["duid"] for one in body["data"]],
    ),
    "matomo": (
        "/matomo.php",
        lambda events: {"requests": events},
        lambda who, mark: {"idsite": 1, "rec": 1, "_id": who, **mark},
        lambda body: [one.partition("_id=")[2].partition("&")[0] for one in body["requests"]],
    ),
}


@pytest.mark.parametrize("product", BATCHES)
def test_each_event_is_judged_by_the_visitor_it_is_marked_with(product):
    """Who consented is sent; who did not, or is nobody, is not; and no mark ever leaves."""
    path, body, event, people = BATCHES[product]
    yes, no = stamp("analytics"), stamp()
    events = [
        event("yes-1", {KEY: yes}),
        event("no-1", {KEY: no}),
        event("unmarked", {}),
        event("forged", {KEY: yes[:-2] + "xx"}),
        event("yes-2", {"$" + KEY: yes}),
    ]
    made = plan(gate_of(product), request(path, body(events)))
    assert people(sent(made)) == ["yes-1", "yes-2"]
    assert [one.decisions[0].reason for one in made.plans] == [
        None, "no_analytics_consent", "no_analytics_consent", "consent_unreadable", None,
    ]  # fmt: skip
    out = everything(made.outgoing)
    assert KEY not in out and yes not in out
    assert made.header == "sent; elements=2/5"


@pytest.mark.parametrize("product", BATCHES)
def test_an_unmarked_event_is_the_callers(product):
    """A mark says whose the event is; who carries it is somebody else, whatever they chose."""
    path, body, event, people = BATCHES[product]
    events = [event("mine", {}), event("theirs", {KEY: stamp()})]
    made = plan(gate_of(product), request(path, body(events)), visitor("analytics", "marketing"))
    assert people(sent(made)) == ["mine"]


def test_a_mark_that_is_no_text_is_somebody_unknown():
    """It was meant as one, so the caller's own consent does not count."""
    marked = {"event": "seen", "distinct_id": "a", KEY: [1]}
    made = plan(gate_of("posthog"), request("/batch/", {"batch": [marked]}), visitor("analytics"))
    assert made.outgoing is None and made.reason == "consent_unreadable"


def test_a_mark_beside_the_list_holds_for_events_without_one():
    """As where one process sends for one visitor."""
    rows = [{"event": "a", "distinct_id": "1"}, {"event": "b", "distinct_id": "2", KEY: stamp()}]
    made = plan(gate_of("posthog"), request("/batch/", {"api_key": "phc", "batch": rows, KEY: stamp("analytics")}))
    assert sent(made) == {"api_key": "phc", "batch": [{"event": "a", "distinct_id": "1"}]}


def test_matomo_counts_dropped_events_as_tracked_and_names_the_callers_indices():
    """Three came, the second was dropped, Matomo refused the second of what it got: the caller's third."""
    rows = [{"idsite": 1, "rec": 1, "url": "https://shop.example/a", KEY: stamp(*who)} for who in (
        ("analytics",), (), ("analytics",),
    )]  # fmt: skip
    made = plan(gate_of("matomo"), request("/matomo.php", {"requests": rows, "token_auth": "t"}))
    theirs = Answer(200, (), b'{"status":"success","tracked":1,"invalid":1,"invalid_indices":[1]}')
    assert answered(made.dialect.relayed(theirs, made.native, made.kept)) == (
        200,
        {"status": "success", "tracked": 2, "invalid": 1, "invalid_indices": [2]},
    )


def test_amplitude_names_events_by_the_callers_indices():
    """So that the SDK retries the ones it sent."""
    rows = [{"event_type": "a", "device_id": "d", "event_properties": {KEY: stamp(*who)}} for who in (
        (), ("analytics",), ("analytics",),
    )]  # fmt: skip
    made = plan(gate_of("amplitude"), request("/2/httpapi", {"api_key": "K", "events": rows}))
    theirs = {
        "code": 429,
        "error": "Too many requests for jane@example.com",
        "throttled_events": [1],
        "events_with_missing_fields": {"device_id": [0, 7, "x"], "<script>": [0]},
        "throttled_users": {"jane": 1},
    }
    answer = made.dialect.relayed(Answer(429, (), json.dumps(theirs).encode()), made.native, made.kept)
    assert answered(answer) == (
        429,
        {"code": 429, "events_with_missing_fields": {"device_id": [1]}, "throttled_events": [2]},
    )


def test_what_stands_beside_the_list_needs_everybodys_leave():
    """Segment's shared context: sent only if every event that is sent may say it."""
    body = {"batch": [{"type": "page", "anonymousId": "a"}], "context": {"locale": "de", "ip": "203.0.113.9"}}
    made = plan(gate_of("segment"), request("/v1/batch", body), visitor("analytics"))
    assert sent(made)["context"] == {"locale": "de"}
    assert stripped(made) == [{"ip": "purpose"}]
