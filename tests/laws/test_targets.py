"""Laws over raw sockets: nothing but what is configured is reached, and what reaches the app was answered for."""

from __future__ import annotations

import contextlib
import itertools
import socket
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gatekeeper
from gatekeeper.testing import Simulators
from tests.laws.test_laws import law
from tests.running import running
from tests.shells.app_behind import app_behind
from tests.shells.serving import serving

PIECES = [
    "/gk/to/", "ga4", "/g/collect", "/", "//", "..", ".", "%2f", "%2e%2e", "%5c", "\\", "@", ":", "#", "?", "%00",
    "%0d%0a", "http://", "https:", "{canary}", "127.0.0.1", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1",
    "localhost", "ⓛocalhost", "user:pass@", "%40", ";", "own", "GA4", "%67a4",
]  # fmt: skip
targets = st.one_of(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=5).map(lambda parts: "/gk/to/ga4" + "".join(parts)),
    st.lists(st.sampled_from(PIECES), max_size=5).map(lambda parts: "http://127.0.0.1:{canary}" + "".join(parts)),
)


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    with running("sidecar", tmp_path_factory.mktemp("gate")) as up:
        yield up


@pytest.fixture(scope="module")
def canary():
    """Listens where an attacker would like the gate to go."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def exchange(port, raw, patience=5.0):
    """What comes back until the connection ends, or nothing more comes."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as one, contextlib.suppress(OSError):
        one.sendall(raw)
        while part := one.recv(65536):
            got += part
    return got


@law
@given(target=targets, method=st.sampled_from(["GET", "POST", "CONNECT"]), host=st.sampled_from(["a", "{canary}"]))
def test_no_target_leads_anywhere_but_to_a_configured_origin(gate, canary, target, method, host):
    """I10: whatever is asked for, by a visitor who granted everything; only GA4's own paths reach GA4."""
    gate.sims.clear()
    port = str(canary.getsockname()[1])
    cookie = gatekeeper.issue_consent(config=gate.runtime.policy, analytics=True, marketing=True).partition(";")[0]
    where = f"127.0.0.1:{port}" if host == "{canary}" else host
    head = f"{method} {target.replace('{canary}', port)} HTTP/1.1\r\nHost: {where}\r\nX-Forwarded-Host: {where}\r\n"
    more = f"Cookie: {cookie}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    raw = exchange(urlsplit(gate.url).port, (head + more).encode())
    assert raw.startswith((b"HTTP/1.1 4", b"HTTP/1.1 204", b"HTTP/1.1 200")), raw[:200]
    with pytest.raises(BlockingIOError):
        canary.accept()
    assert all(sim.received == () for sim in gate.sims)


LENGTHS = ["Content-Length: {n}", "content-length:{n}", "Content-Length: 0", "Content-Length: 5",
           "Content-Length: +{n}",
           "Content-Length: {n}, {n}", "Content-Length : {n}", "Content-Length: 0x{n}"]  # fmt: skip
CODINGS = [
    "Transfer-Encoding: chunked", "Transfer-Encoding: Chunked", "Transfer-Encoding: identity", "Transfer-Encoding: x",
    "Transfer-Encoding:\tchunked", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding : chunked",
    "Transfer_Encoding: chunked",
]  # fmt: skip
OTHERS = [
    "Connection: Upgrade\r\nUpgrade: h2c", "Connection: Upgrade\r\nUpgrade: websocket", "Upgrade: h2c", " folded: x",
    "X: y\n\nGET /x HTTP/1.1", "Connection: close", "Connection: Content-Length", "Connection: Transfer-Encoding",
    "Expect: 100-continue", "Host: b", "Trailer: X",
]  # fmt: skip
framings = st.tuples(
    st.lists(st.sampled_from(LENGTHS[:2] * 4 + LENGTHS), max_size=2),
    st.lists(st.sampled_from(CODINGS), max_size=1),
    st.lists(st.sampled_from(OTHERS), max_size=2),
).flatmap(lambda parts: st.permutations([*parts[0], *parts[1], *parts[2]]))
NEXT = b"GET /next-%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
NUMBERS = itertools.count()  # so that a request that comes late is not taken for the next case's
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"
BODIES = [
    b"",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"hello",
    b"0\r\n\r\n",
    b"5;x=y\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
    b"5\nhello\n0\n\n",
    HIDDEN,
]


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve")
    with ExitStack() as stack:
        sims, app = stack.enter_context(Simulators(only=("first_party",))), stack.enter_context(app_behind())
        yield stack.enter_context(serving(folder, sims, options=("--app-upstream", app.url))), app


@settings(law, max_examples=min(law.max_examples // 3, 2000))  # some wait for a body that does not come
@given(framings, st.sampled_from([*BODIES, HIDDEN, HIDDEN]), st.sampled_from(["POST", "GET"]))
def test_the_app_is_asked_only_what_was_answered(behind, framing, body, method):
    """I11: a request that hides in another one's body would reach the app without an answer of its own."""
    up, app = behind
    number = next(NUMBERS)
    lines = "".join(line.replace("{n}", str(len(body))) + "\r\n" for line in framing)
    raw = exchange(
        up.port,
        f"{method} /first-{number} HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode() + body + NEXT % number,
        patience=0.2,
    )
    answers = raw.count(b"HTTP/1.1 200 ")
    asked = [line.split()[1] for line in app.asked if line.split()[1].endswith(f"-{number}")]
    if "Content-Length: {n}" in framing or "content-length:{n}" in framing:
        assert "GET /hidden HTTP/1.1" not in app.asked  # it was a body
    app.asked[:] = [line for line in app.asked if "/hidden" not in line]
    answers -= raw.count(b'"line": "GET /hidden')
    assert set(asked) <= {f"/first-{number}", f"/next-{number}"}
    assert len(asked) - answers in (0, 1)  # one can be under way when the client gives up
