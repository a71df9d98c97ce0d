"""Sentry as Relay speaks it: authentication, envelopes, events."""

from __future__ import annotations

import gzip
import json
import zlib

import httpx
import pytest

from gatekeeper.testing import Simulators, sentry

from .builders import received, summary

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


def test_payloads_may_hold_line_feeds_and_items_may_lack_lengths() -> None:
    """With a length the payload is those bytes; without one it ends at the line; blank lines are skipped."""
    raw = json.dumps({"event_id": ID}).encode() + b"\n\n"
    raw += b'{"type":"attachment","length":5}\nab\ncd\n'
    raw += b'{"type":"event"}\n' + json.dumps(EVENT).encode()
    request = received(TARGET, raw, headers=[AUTH])
    assert sentry.check(request) == ()
    assert sentry.events(request) == (EVENT,)


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
