"""`[limits]` over real sockets: 429, vendors' own successes, 503 for the slowest bodies; and nobody else is harmed."""

import gzip
import json
import socket
import time

import pytest

from gatekeeper.runtime.bodies import Bodies
from tests.running import API_KEY, running

EVENT = {"event": "page_view", "consent": {"analytics": True}, "data": {"session_id": "s_1"}}
HERE = {"X-Forwarded-For": "91.20.1.1"}
AWAY = {"X-Forwarded-For": "80.1.1.1"}
PROXY = {"trusted_proxies": ["127.0.0.1/32"]}
GA4 = "/gk/to/ga4/g/collect?v=2&tid=G-TEST&cid=1.2&en=page_view"


@pytest.fixture(params=["middleware", "sidecar"])
def gate(request, tmp_path):
    """Three events a minute from one network, and small budgets."""
    limits = {"address_events": 3, "bodies": "200KB"}
    with running(request.param, tmp_path, server=PROXY | {"max_body": "150KB"}, limits=limits) as up:
        yield up


def test_events_over_the_rate_are_answered_429(gate):
    """With the time to come back; others, and the operator's own servers behind the same address, go on."""
    found = [gate.http.post("/gk/collect", json=EVENT, headers=HERE) for _ in range(6)]
    assert [one.status_code for one in found] == [202] * 3 + [429] * 3
    assert all(1 <= int(one.headers["retry-after"]) <= 60 for one in found[3:])
    assert found[3].headers["content-type"] == "application/problem+json"
    assert gate.http.post("/gk/collect", json=EVENT, headers=AWAY).status_code == 202
    key = {"Authorization": f"Bearer {API_KEY}"}
    assert gate.http.post("/gk/collect", json=EVENT, headers=HERE | key).status_code == 202
    text = gate.runtime.scrape().decode()
    assert 'gatekeeper_limited_total{by="address",what="events"} 3.0' in text


def test_calls_over_the_rate_get_their_vendors_success(gate):
    """The SDK does not notice, the vendor gets nothing, and the developer sees why."""
    cookie = {"Cookie": "gatekeeper_consent=x"}
    found = [gate.http.get(GA4, headers=HERE | cookie) for _ in range(5)]
    assert [one.status_code for one in found] == [204] * 5
    assert [one.headers["gatekeeper-decision"] for one in found[3:]] == ["blocked; reason=rate_limited"] * 2
    assert gate.sims.ga4.received == ()


def test_events_of_one_body_count_each(gate):
    """Three of them use up the rate, and the body that does so is taken."""
    assert gate.http.post("/gk/collect", json=[EVENT] * 3, headers=HERE).status_code == 202
    assert gate.http.post("/gk/collect", json=EVENT, headers=HERE).status_code == 429


def test_a_body_that_would_make_the_log_grow_too_much_is_refused_whole(gate):
    """A thousand permitted events in a hundred bytes: nothing of them is written."""
    body = gzip.compress(json.dumps([EVENT] * 1000).encode(), 9)
    answer = gate.http.post("/gk/collect", content=body, headers=AWAY | {"Content-Encoding": "gzip"})
    assert answer.status_code == 413
    assert gate.lines() == [] or all(one["kind"] != "decision" for one in gate.lines())


def test_the_longest_body_makes_room(gate):
    """Three unfinished bodies of 80 KB are more than 200 KB: the first of them is answered 503, and events go on."""
    port = int(gate.url.rpartition(":")[2])
    lines = []
    for n in range(3):
        line = socket.create_connection(("127.0.0.1", port), timeout=60)
        head = f"POST /gk/collect HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 70.{n}.1.1\r\nContent-Length: 100000\r\n\r\n"
        line.sendall(head.encode() + b"[" * 80_000)
        lines.append(line)
        wanted = min(n + 1, 2) * 80_000
        deadline = time.monotonic() + 60
        while gate.runtime.bodies.bytes != wanted or (n == 2 and not _readable(lines[0])):
            assert time.monotonic() < deadline, (n, gate.runtime.bodies.bytes)
    assert lines[0].recv(4_096).startswith(b"HTTP/1.1 503")
    assert not _readable(lines[1]) and not _readable(lines[2])
    assert gate.http.post("/gk/collect", json=EVENT, headers=AWAY).status_code == 202
    for line in lines:
        line.close()
    deadline = time.monotonic() + 60
    while gate.runtime.bodies.bytes:
        assert time.monotonic() < deadline


def _readable(line):
    line.settimeout(0.005)
    try:
        return bool(line.recv(1, socket.MSG_PEEK))
    except TimeoutError:
        return False
    finally:
        line.settimeout(60)


def test_bodies_that_came_whole_make_no_room():
    """Their requests are being answered; who comes last has to wait."""
    lost = []
    bodies = Bodies(lambda: 100)
    first = bodies.begin(lambda: lost.append("first"))
    assert bodies.grew(first, 90)
    bodies.whole(first)
    second = bodies.begin(lambda: lost.append("second"))
    assert not bodies.grew(second, 20)
    assert (lost, bodies.bytes) == ([], 90)
    bodies.end(first)
    assert bodies.bytes == 0


def test_the_oldest_bodies_go_first():
    """As many as have to."""
    lost = []
    bodies = Bodies(lambda: 100)
    coming = [bodies.begin(lambda n=n: lost.append(n)) for n in range(4)]
    assert [bodies.grew(one, 30) for one in coming] == [True] * 4
    assert (lost, bodies.bytes) == ([0], 90)
    assert bodies.grew(coming[3], 65)
    assert (lost, bodies.bytes) == ([0, 1, 2], 95)
