"""Sentry's envelopes: items judged one by one, opaque ones dropped, lengths written anew."""

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.model import Answer
from gatekeeper.vendors.dialect import Unreadable
from gatekeeper.vendors.sentry import envelope
from tests.native.calling import answered, everything, gate_of, plan, request, stamp, vector, visitor

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


def test_the_captured_event_keeps_what_an_error_monitor_needs():
    """Without anybody's consent, since that is what the purpose `necessary` covers; to the letter."""
    made = plan(gate_of("sentry"), vector("sentry-envelope-event"))
    header, (item,) = envelope.read(made.outgoing.body)
    assert header == {
        "event_id": ID,
        "sent_at": "2026-11-23T22:41:55.442025Z",
        "trace": {
            "trace_id": "3098543bab5a4268852158b0dcfc023c",
            "environment": "prod",
            "release": "shop@1.2.3",
            "public_key": "abc123def456",
        },
    }
    assert item.header == {"type": "event", "content_type": "application/json", "length": len(item.payload)}
    assert json.loads(item.payload) == {
        "message": "checkout failed for [email]",
        "level": "info",
        "event_id": ID,
        "timestamp": "2026-11-23T22:41:55.441685Z",
        "request": {"url": "https://shop.example/checkout", "method": "POST"},
        "exception": {
            "values": [
                {"type": "ValueError", "value": "bad email [email]", "stacktrace": {"frames": [{"function": "pay"}]}}
            ]
        },
        "platform": "python",
    }
    assert dict(made.outgoing.headers)["X-Sentry-Auth"].endswith("sentry_key=abc123def456")


def test_the_sdks_gzip_stays_gzip():
    """The Python SDK always compresses."""
    call = request(PATH, gzip.compress(enveloped(event(), event_id=ID)), content_encoding="gzip")
    made = plan(gate_of("sentry"), call)
    assert ("Content-Encoding", "gzip") in made.outgoing.headers
    assert [(kind, json.loads(payload)) for kind, payload in items(made)] == [("event", ERROR)]


OPAQUE = [
    (
        {"type": "attachment", "filename": "jane.dmp", "attachment_type": "event.minidump"},
        b"MDMP\x93\xa7\nmemory of jane",
    ),
    ({"type": "attachment", "filename": "screenshot.png", "content_type": "image/png"}, b"\x89PNG jane"),
    ({"type": "replay_event"}, b'{"replay_id":"jane"}'),
    ({"type": "replay_recording"}, b'{"segment_id":0}\n\x00jane'),
    ({"type": "profile"}, b'{"jane":1}'),
    ({"type": "user_report"}, b'{"name":"jane"}'),
    ({"type": "feedback"}, b'{"contexts":{"feedback":{"contact_email":"jane"}}}'),
    ({"type": "log"}, b'{"items":[{"body":"jane"}]}'),
    ({"type": "something_new"}, b"jane"),
    ({"type": 7}, b"jane"),
    ({}, b"jane"),
]


def test_what_can_only_be_sent_unread_is_dropped():
    """Attachments, minidumps, replays, profiles, feedback, logs, and the unknown; the error beside them is sent."""
    made = plan(gate_of("sentry"), request(PATH, enveloped(*OPAQUE[:5], event(), *OPAQUE[5:], event_id=ID)))
    assert [kind for kind, _ in items(made)] == ["event"]
    assert "jane" not in everything(made.outgoing)
    assert made.header == "sent; elements=1/12"
    reasons = {one.decisions[0].reason for one in made.plans if one.event.name != "error"}
    assert reasons == {"insufficient_data", "no_analytics_consent"}


def test_what_the_policy_lists_is_sent_as_it_is():
    """An operator may want attachments: byte for byte, with a length, and a file name only if it is one."""
    gate = gate_of("sentry", items=["attachment"])
    made = plan(gate, request(PATH, enveloped(*OPAQUE, event(), event_id=ID)))
    assert [kind for kind, _ in items(made)] == ["attachment", "attachment", "event"]
    assert items(made)[0][1] == OPAQUE[0][1]


def test_an_envelope_of_nothing_else_is_answered_with_its_id():
    """Never a 4xx or 429: the SDK would go silent."""
    made = plan(gate_of("sentry"), request(PATH, enveloped(*OPAQUE, event_id=ID)))
    assert made.outgoing is None and answered(made.answer) == (200, {"id": ID})


def test_each_item_is_judged_by_the_visitor_it_is_marked_with():
    """As `gatekeeper.outbound` marks them: in a context of its own, which never leaves."""
    yes, no = (event(contexts={"gatekeeper_context": {"token": token}}) for token in (stamp("analytics"), stamp()))
    gate = gate_of("sentry", purpose="analytics")
    made = plan(gate, request(PATH, enveloped(yes, no, event(), event_id=ID)))
    assert [one.decisions[0].reason for one in made.plans] == [None, "no_analytics_consent", "no_analytics_consent"]
    assert "gatekeeper_context" not in everything(made.outgoing)
    assert [json.loads(payload) for _, payload in items(made)] == [ERROR]


def test_the_address_sentry_would_fill_in_is_not_asked_for():
    """`{{auto}}` means: whatever address the request comes from."""
    made = plan(gate_of("sentry"), request(PATH, enveloped(event(user={"ip_address": "{{auto}}"}), event_id=ID)))
    assert "auto" not in everything(made.outgoing)


def test_sessions_checkins_and_reports_keep_their_mechanics():
    """Who the session was is not among them."""
    session = {"sid": "9f", "did": "jane", "init": True, "started": "2026-11-23T10:00:00Z", "status": "ok",
               "attrs": {"release": "shop@1.2.3", "ip_address": "203.0.113.9", "user_agent": "M"}}  # fmt: skip
    report = {
        "timestamp": 1795473718.5,
        "discarded_events": [{"reason": "ratelimit", "category": "error", "quantity": 2}],
    }
    check_in = {"check_in_id": "a" * 32, "monitor_slug": "nightly", "status": "ok", "note": "for jane"}
    sent_items = [({"type": kind}, json.dumps(one).encode()) for kind, one in (
        ("session", session), ("client_report", report), ("check_in", check_in),
    )]  # fmt: skip
    gate = gate_of("sentry", fields=["page_url", "session_id", "error_message"])
    made = plan(gate, request(PATH, enveloped(*sent_items)), visitor("analytics"))
    assert {kind: json.loads(payload) for kind, payload in items(made)} == {
        "session": {
            "sid": "9f", "init": True, "started": "2026-11-23T10:00:00Z", "status": "ok",
            "attrs": {"release": "shop@1.2.3"},
        },
        "client_report": report,
        "check_in": {key: value for key, value in check_in.items() if key != "note"},
    }  # fmt: skip


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
    assert "Jane" not in everything(made.outgoing) and "no user %s" in everything(made.outgoing)


def test_what_items_share_holds_nothing_that_any_of_them_declares():
    """The header of an envelope goes with all items: here with one that declares an address, and one that does not."""
    who = event(user={"email": "jane.doe@example.com"}, message="for Jane Doe")
    check_in = ({"type": "check_in"}, json.dumps({"monitor_slug": "nightly", "status": "ok"}).encode())
    trace = {"trace_id": "a" * 32, "public_key": "abc", "transaction": "/kunde/doe-jane/7"}
    for found in ((who, check_in), (check_in, who)):
        made = plan(gate_of("sentry"), request(PATH, enveloped(*found, event_id=ID, trace=trace)))
        assert len(items(made)) == 2
        assert "jane" not in everything(made.outgoing).lower()
        assert "/kunde/[email]/7" in everything(made.outgoing)


def test_a_message_without_parameters_stays():
    """There is nothing in it that was filled in."""
    more = {"logentry": {"message": "disk full", "formatted": "disk full", "params": []}}
    made = plan(gate_of("sentry"), request(PATH, enveloped(event(**more), event_id=ID)))
    assert json.loads(items(made)[0][1])["logentry"] == {"message": "disk full", "formatted": "disk full"}


def test_the_old_store_endpoint_takes_one_event():
    """JSON in, JSON out."""
    made = plan(
        gate_of("sentry"), request("/api/42/store/?sentry_key=abc&sentry_version=7", {**ERROR, "user": {"id": 1}})
    )
    assert json.loads(made.outgoing.body) == ERROR
    assert answered(plan(gate_of("sentry"), request("/api/42/store/", {"event_id": ID})).answer) == (200, {"id": ID})


@pytest.mark.parametrize("path", ["/api/42/minidump/", "/api/42/security/", "/api/42/attachments/", "/api/0/projects/"])
def test_sentrys_other_endpoints_go_nowhere(path):
    """A minidump is a process's memory; the rest is no SDK's."""
    made = plan(gate_of("sentry"), request(path, b"--x"))
    assert made.outgoing is None and made.reason == "call_unreadable" and made.answer.status == 204


def test_a_dsn_binds_the_destination_to_its_project():
    """Somebody else's project on the same server is somebody else's."""
    gate = gate_of("sentry", dsn="http://public@127.0.0.1:9/42")
    assert plan(gate, request("/api/42/envelope/", enveloped(event()))).outgoing is not None
    made = plan(gate, request("/api/43/envelope/", enveloped(event())))
    assert made.outgoing is None and made.reason == "unlisted_destination"


def test_a_rate_limit_of_sentrys_own_is_passed_on_and_nothing_else():
    """What the SDK needs to be quiet for a while, and no cookie."""
    made = plan(gate_of("sentry"), request(PATH, enveloped(event(), event_id=ID)))
    theirs = Answer(
        429, (("X-Sentry-Rate-Limits", "60:error;transaction:key"), ("Retry-After", "60"), ("Set-Cookie", "a=b"))
    )
    answer = made.dialect.relayed(theirs, made.native, made.kept)
    assert answer == Answer(429, (("X-Sentry-Rate-Limits", "60:error;transaction:key"), ("Retry-After", "60")))


def test_without_consent_an_analytics_destination_gets_nothing():
    """`purpose = "analytics"`: an error monitor that somebody has to agree to."""
    made = plan(gate_of("sentry", purpose="analytics"), vector("sentry-envelope-event"))
    assert made.outgoing is None and answered(made.answer) == (200, {"id": ID})
    made = plan(gate_of("sentry", purpose="analytics"), vector("sentry-envelope-event"), visitor("analytics"))
    assert made.outgoing is not None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]\n{}",
        b"not json\n",
        b'{"event_id":"a","event_id":"b"}\n{"type":"event"}\n{}',
        b'{}\n{"type":"event","length":-1}\n{}',
        b'{}\n{"type":"event","length":99}\n{}',
        b'{}\n{"type":"event","length":1}\n{}',
        b'{}\n{"type":"event","length":true}\n{}',
        b'{}\n{"type":"event","length":"2"}\n{}',
        b'{}\n{"type":"event"}\n[]',
        b'{}\n{"type":"event"}',
        b'{}\n' + b'{"type":"event","length":2}\n{}\n' * 201,
    ],
)  # fmt: skip
def test_a_broken_envelope_is_not_sent(body):
    """Blocked with the SDK content; none of them is the gate's own failure."""
    made = plan(gate_of("sentry"), request(PATH, body))
    assert made.outgoing is None and made.reason in ("call_unreadable", "insufficient_data")
    assert answered(made.answer)[0] == 200


HEADERS = st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.integers(0, 9), max_size=3)


@settings(deadline=None)
@given(HEADERS, st.lists(st.tuples(HEADERS.map(lambda one: one | {"type": "x"}), st.binary(max_size=40)), max_size=5))
def test_what_is_written_is_read_again(header, rows):
    """Payloads with line feeds, empty ones, any bytes."""
    read_header, found = envelope.read(envelope.write(header, rows))
    assert read_header == header
    assert [item.payload for item in found] == [payload for _, payload in rows]


@settings(deadline=None)
@given(
    st.binary(max_size=200)
    | st.from_regex(rb'\{\}\n(\{"type":"[a-z]{1,5}"(,"length":[0-9]{1,3})?\}\n.{0,9}\n?){0,4}', fullmatch=True)
)
def test_any_bytes_are_an_envelope_or_are_not(body):
    """Nothing but Unreadable is ever raised."""
    try:
        envelope.read(body)
    except Unreadable as error:
        assert error.why
