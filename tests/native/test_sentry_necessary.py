"""Sentry under `necessary`: error events alone; a message goes as its template where its parameters go."""

import gzip
import json

import pytest

from gatekeeper.vendors.sentry import envelope
from tests.native.kit import gate_of, plan, readable, request, visitor

PATH = "/api/42/envelope/"
ID = "c3b2ccb58a6d4b8bbed052456523139c"
ERROR = {"event_id": ID, "exception": {"values": [{"type": "ValueError", "value": "bad"}]}}


def enveloped(*items: tuple[dict[str, object], bytes], **header: object) -> bytes:
    return envelope.write(header, items)


def event(**more: object) -> tuple[dict[str, object], bytes]:
    return {"type": "event"}, json.dumps({**ERROR, **more}).encode()


def items(made) -> list[tuple[str, bytes]]:
    """Type and payload of each item that goes out; reading it proves the lengths."""
    body = made.outgoing.body
    _, found = envelope.read(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
    assert all(item.header["length"] == len(item.payload) for item in found)
    return [(item.header["type"], item.payload) for item in found]


TRANSACTION = {
    "type": "transaction", "transaction": "/produkte/schwangerschaftstest", "timestamp": 1795473718.5,
    "start_timestamp": 1795473718.1,
    "contexts": {"trace": {"trace_id": "a" * 32, "span_id": "b" * 16, "op": "pageload"}},
}  # fmt: skip
BEHAVIOUR = {
    "transaction": ({"type": "transaction"}, TRANSACTION),
    "transaction-called-event": ({"type": "event"}, TRANSACTION),
    "spans-in-an-event": ({"type": "event"}, {**ERROR, "spans": []}),
    "session": ({"type": "session"}, {"sid": "9f", "started": "2026-11-23T10:00:00Z", "status": "ok"}),
    "sessions": ({"type": "sessions"}, {"aggregates": [{"started": "2026-11-23T10:00:00Z", "exited": 1}]}),
    "client-report": ({"type": "client_report"}, {"timestamp": 1795473718.5, "discarded_events": [{"quantity": 1}]}),
    **{kind: ({"type": kind}, {}) for kind in ("replay_event", "replay_recording", "profile", "span", "log", "statsd")},
}


@pytest.mark.parametrize("name", BEHAVIOUR)
def test_necessary_covers_errors_and_nothing_a_visitor_did(name):
    """Performance, sessions, replays and logs need analytics, also where the policy lists their type."""
    listed = ["replay_event", "replay_recording", "profile", "span", "log", "statsd", "attachment"]
    gate = gate_of("sentry", items=listed, fields=["error_message", "error_type", "error_stack", "session_id"])
    header, payload = BEHAVIOUR[name]
    call = request(PATH, enveloped((header, json.dumps(payload).encode()), event(), event_id=ID))
    refused = plan(gate, call)
    assert [one.decisions[0].reason for one in refused.plans] == ["no_analytics_consent", None]
    assert len(items(refused)) == 1
    granted = plan(gate, call, visitor("analytics"))
    if name == "transaction-called-event":  # says nothing of an error, and an event has to
        assert granted.plans[0].decisions[0].reason == "insufficient_data"
        return
    assert granted.plans[0].decisions[0].legal_basis == "consent"
    assert len(items(granted)) == 2


@pytest.mark.parametrize(
    "more",
    [
        {"logentry": {"message": "no user %s", "formatted": "no user Jane", "params": ["Jane"]}},
        {"logentry": {"message": "no user %s", "params": ["Jane"]}, "message": "no user Jane"},
        {"message": {"message": "no user %s", "formatted": "no user Jane", "params": ["Jane"]}},
    ],
    ids=["logentry", "message-beside", "message"],
)
def test_a_message_goes_as_its_template_where_its_parameters_go(more):
    """The parameters are stripped, and so is what they were filled into."""
    made = plan(gate_of("sentry"), request(PATH, enveloped(event(**more), event_id=ID)))
    assert "Jane" not in readable(made.outgoing) and "no user %s" in readable(made.outgoing)


def test_what_items_share_holds_nothing_that_any_of_them_declares():
    """The header of an envelope goes with all items: here with one that declares an address, and one that does not."""
    who = event(user={"email": "jane.doe@example.com"}, message="for Jane Doe")
    check_in = ({"type": "check_in"}, json.dumps({"monitor_slug": "nightly", "status": "ok"}).encode())
    trace = {"trace_id": "a" * 32, "public_key": "abc", "transaction": "/kunde/doe-jane/7"}
    for found in ((who, check_in), (check_in, who)):
        made = plan(gate_of("sentry"), request(PATH, enveloped(*found, event_id=ID, trace=trace)))
        assert len(items(made)) == 2
        assert "jane" not in readable(made.outgoing).lower()
        assert "/kunde/[email]/7" in readable(made.outgoing)


def test_a_message_without_parameters_stays():
    """There is nothing in it that was filled in."""
    more = {"logentry": {"message": "disk full", "formatted": "disk full", "params": []}}
    made = plan(gate_of("sentry"), request(PATH, enveloped(event(**more), event_id=ID)))
    assert json.loads(items(made)[0][1])["logentry"] == {"message": "disk full", "formatted": "disk full"}
