"""Sentry as Relay speaks it: authentication, envelopes, events."""

from __future__ import annotations

import gzip
import json
import zlib

import httpx
import pytest

from gatekeeper.testing import Simulators, sentry

from .builders import changed, received, summary, violations

TARGET = "/api/42/envelope/"
AUTH = ("X-Sentry-Auth", "Sentry sentry_key=public, sentry_version=7, sentry_client=test/1")
ID = "c3b2ccb58a6d4b8bbed052456523139c"
EVENT = {"event_id": ID, "timestamp": "2026-11-20T10:00:00.5Z", "platform": "python", "message": "boom"}


def envelope(*items: tuple[dict, bytes], **header: object) -> bytes:
    """An envelope of these items, each with its length."""
    lines = [json.dumps({"event_id": ID} | header).encode()]
    for item, payload in items:
        lines += [json.dumps({"length": len(payload)} | item).encode(), payload]
    return b"\n".join(lines) + b"\n"


def of(event: object) -> bytes:
    """An envelope of one event."""
    return envelope(({"type": "event"}, json.dumps(event).encode()))


EVENT_VIOLATIONS = violations("sentry", "event_violations")

BROKEN = {
    "empty": (b"", "envelope.header", "not a JSON object"),
    "no-header": (b"[]\n{}\n", "envelope.header", "not a JSON object"),
    "item-header": (
        b'{}\nnot json\n{"a":1}\n',
        "envelope.items[0]",
        "an item header that is not a JSON object",
    ),
    "no-type": (b"{}\n{}\n{}\n", "envelope.items[0].type", "type is needed"),
    "length-kind": (b'{}\n{"type":"log","length":"4"}\nabcd\n', "envelope.items[0]", "not a number of bytes"),
    "length-negative": (
        b'{}\n{"type":"log","length":-1}\nabcd\n',
        "envelope.items[0]",
        "not a number of bytes",
    ),
    "too-short": (b'{}\n{"type":"log","length":9}\nabcd', "envelope.items[0]", "shorter than its length"),
    "stale-length": (b'{}\n{"type":"log","length":2}\nabcd\n', "envelope.items[0]", "a wrong length"),
    "two-events": (
        envelope(*[({"type": "event"}, json.dumps(EVENT).encode())] * 2),
        "envelope.items",
        "more than one event",
    ),
}


def test_a_valid_envelope_is_answered_with_its_id(sims: Simulators) -> None:
    """200 and the event id, as the SDKs read it."""
    response = httpx.post(sims.sentry.url + TARGET, content=of(EVENT), headers=dict([AUTH]))
    [request] = sims.sentry.received
    assert (response.status_code, response.json()) == (200, {"id": ID})
    assert request.events == (EVENT,)
    assert request.problems == ()


def test_a_compressed_envelope_is_read(sims: Simulators) -> None:
    """The Python SDK compresses all of them."""
    headers = dict([AUTH]) | {"Content-Encoding": "gzip"}
    httpx.post(sims.sentry.url + TARGET, content=gzip.compress(of(EVENT)), headers=headers)
    [request] = sims.sentry.received
    assert request.events == (EVENT,)
    assert request.problems == ()
    assert gzip.decompress(request.body) == of(EVENT)


@pytest.mark.parametrize(("changes", "rule"), EVENT_VIOLATIONS.values(), ids=EVENT_VIOLATIONS)
def test_an_event_needs_id_time_and_platform(changes: dict, rule: str) -> None:
    """The required attributes, reported and yet answered 200: Sentry judges later."""
    body = envelope(
        ({"type": "event"}, json.dumps(changed(EVENT, **changes)).encode()),
        event_id=changes.get("event_id", ID),
    )
    request = received(TARGET, body, headers=[AUTH])
    [problem] = sentry.check(request)
    assert problem.path.startswith("items[0]")
    assert rule in problem.rule
    assert sentry.answer(request, (problem,)).status == 200


@pytest.mark.parametrize(("body", "path", "rule"), BROKEN.values(), ids=BROKEN)
def test_an_envelope_that_cannot_be_taken_apart_is_400(body: bytes, path: str, rule: str) -> None:
    """A proxy that changed a payload and not its length is found out."""
    request = received(TARGET, body, headers=[AUTH])
    [problem] = sentry.check(request)
    assert problem.path == path
    assert rule in problem.rule
    assert sentry.answer(request, (problem,)).status == 400
    assert all(event == EVENT for event in sentry.events(request))


def test_payloads_may_hold_line_feeds_and_items_may_lack_lengths() -> None:
    """With a length the payload is those bytes; without one it ends at the line; blank lines are skipped."""
    raw = json.dumps({"event_id": ID}).encode() + b"\n\n"
    raw += b'{"type":"attachment","length":5}\nab\ncd\n'
    raw += b'{"type":"event"}\n' + json.dumps(EVENT).encode()
    request = received(TARGET, raw, headers=[AUTH])
    assert sentry.check(request) == ()
    assert sentry.events(request) == (EVENT,)


def test_an_envelope_without_items_is_valid() -> None:
    """Nothing in it is nothing wrong with it."""
    assert sentry.check(received(TARGET, b"{}", headers=[AUTH])) == ()


def test_the_event_has_the_envelopes_id() -> None:
    """Two ids for one event are reported."""
    body = envelope(({"type": "event"}, json.dumps(EVENT).encode()), event_id="0" * 32)
    assert summary(sentry.check(received(TARGET, body, headers=[AUTH]))) == [
        ("error", "items[0].event_id", "not the event_id of the envelope's header")
    ]


def test_an_event_payload_is_an_object() -> None:
    """A list is reported, not raised."""
    assert [p.path for p in sentry.check(received(TARGET, of([1]), headers=[AUTH]))] == ["items[0]"]


DSN = "http://public@127.0.0.1:9000/42"
AUTHENTICATION = [
    pytest.param(TARGET, [AUTH], {}, 200, id="header"),
    pytest.param(TARGET, [("Authorization", AUTH[1])], {}, 200, id="authorization"),
    pytest.param(TARGET, [("Authorization", "Basic cHVibGljOg==")], {}, 200, id="basic"),
    pytest.param(f"{TARGET}?sentry_key=public&sentry_version=7", [], {}, 200, id="query"),
    pytest.param(TARGET, [], {"dsn": DSN}, 200, id="envelope"),
    pytest.param(TARGET, [AUTH], {"dsn": DSN}, 200, id="header-and-envelope"),
    pytest.param(TARGET, [], {}, 401, id="none"),
    pytest.param(TARGET, [("X-Sentry-Auth", "Sentry sentry_version=7")], {}, 401, id="no-key"),
    pytest.param(TARGET, [("Authorization", "Basic !")], {}, 401, id="bad-basic"),
    pytest.param(f"{TARGET}?sentry_key=public", [AUTH], {}, 401, id="twice"),
    pytest.param(TARGET, [], {"dsn": "nonsense"}, 401, id="bad-dsn"),
    pytest.param(TARGET, [], {"dsn": "http://[/"}, 401, id="malformed-dsn"),
    pytest.param(TARGET, [AUTH], {"dsn": DSN.replace("public", "other")}, 400, id="other-key"),
    pytest.param(TARGET, [AUTH], {"dsn": DSN.replace("/42", "/43")}, 400, id="other-project"),
]


@pytest.mark.parametrize(("target", "headers", "header", "status"), AUTHENTICATION)
def test_who_sends_must_say_so(target: str, headers: list, header: dict, status: int) -> None:
    """One key, from a header, the query or the envelope, and it fits the DSN."""
    request = received(target, envelope(**header), headers=headers)
    assert sentry.answer(request, sentry.check(request)).status == status


def test_the_dsn_of_a_simulator_is_accepted_by_it(sims: Simulators) -> None:
    """`dsn` is what a client is configured with."""
    dsn = sims.sentry.dsn(project=7)
    assert dsn == sims.sentry.url.replace("http://", "http://public@") + "/7"
    response = httpx.post(f"{sims.sentry.url}/api/7/envelope/", content=envelope(dsn=dsn))
    assert response.status_code == 200


def test_the_store_endpoint_takes_one_event(sims: Simulators) -> None:
    """The older form: JSON, no envelope."""
    response = httpx.post(sims.sentry.url + "/api/42/store/", json=EVENT, headers=dict([AUTH]))
    assert response.json() == {"id": ID}
    assert sims.sentry.received[0].events == (EVENT,)
    assert sims.sentry.received[0].problems == ()
    assert httpx.post(sims.sentry.url + "/api/42/store/", content=b"x", headers=dict([AUTH])).status_code == 400


def test_deflate_is_read_too() -> None:
    """The other coding that HTTP clients have by default."""
    headers = [AUTH, ("Content-Encoding", "deflate")]
    assert sentry.events(received(TARGET, zlib.compress(of(EVENT)), headers=headers)) == (EVENT,)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        pytest.param("gzip", b"not gzip", id="not-gzip"),
        pytest.param("gzip", gzip.compress(b"{}")[:-4], id="cut-off"),
        pytest.param("br", b"{}", id="broken-brotli"),
        pytest.param("zstd", b"{}", id="broken-zstd"),
        pytest.param("compress", b"{}", id="unknown-coding"),
    ],
)
def test_a_body_that_does_not_decompress_is_400(encoding: str, body: bytes) -> None:
    """Reported as such, whatever the coding."""
    request = received(TARGET, body, headers=[AUTH, ("Content-Encoding", encoding)])
    problems = sentry.check(request)
    assert summary(problems) == [("error", "body", "does not decompress")]
    assert sentry.answer(request, problems).status == 400


def test_an_envelope_over_20_mb_is_413() -> None:
    """The documented limit for what is sent."""
    request = received(TARGET, b"{}\n" + b"\n" * 20 * 1024 * 1024, headers=[AUTH])
    assert sentry.answer(request, sentry.check(request)).status == 413


def test_envelopes_are_posted(sims: Simulators) -> None:
    """Another method is 405."""
    assert httpx.get(sims.sentry.url + TARGET, headers=dict([AUTH])).status_code == 405
