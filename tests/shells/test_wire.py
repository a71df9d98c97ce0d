"""What listens, against who does not play by the rules: raw bytes over sockets to a real `gatekeeper serve`."""

import contextlib
import gzip
import socket
import threading
import time
import zlib
from pathlib import Path

import brotli
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.shells.server.hygiene import SINGLETONS, request_fault
from gatekeeper.shells.server.target import path_fault, target_fault
from gatekeeper.vendors.formats.coding import encode as coded
from tests.shells.serving import TOKEN, serving
from tests.sizes import sized

SHORT = """
[destinations.ga4]
kind = "ga4"
measurement_id = "G-TEST"
api_secret = "s3cret"
endpoint = "{ga4}"
events = ["purchase"]
"""
EVENT = b'{"event":"page_view","consent":{"analytics":true},"data":{"session_id":"s_1"}}'
HEAD = b"POST /gk/collect HTTP/1.1\r\nHost: 127.0.0.1\r\n"
LAST = b"Connection: close\r\n"  # without it the connection would stay open, and `exchange` wait
GET = b"GET /gk/healthz HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture(scope="module")
def up(tmp_path_factory, sims):
    """One process for all of it: whatever they do, the next one is served."""
    with serving(tmp_path_factory.mktemp("serve"), sims, more=SHORT.format(ga4=sims.ga4.url)) as running:
        yield running


@pytest.fixture(autouse=True)
def _healthy(up, sims):
    """After each attack the process answers, and nothing was sent that nobody permitted."""
    up.wait(lambda: not up.metrics().get(("queued", "own")))  # what the test before sent is not taken for this one's
    sims.clear()
    yield
    assert up.get("/gk/healthz").status_code == 200
    assert up.process.poll() is None
    assert sims.ga4.received == ()


def connect(up):
    connection = socket.create_connection(("127.0.0.1", up.port), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def rest(connection):
    """Everything up to the end of the connection."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            got += part
    return got


def exchange(up, raw):
    with connect(up) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(raw)
        return rest(connection)


def statuses(raw):
    """The status of every answer in it."""
    return [int(part[:3]) for part in raw.split(b"HTTP/1.1 ")[1:] if part[:3] != b"100"]


def posted(sims):
    return len(sims.first_party.received)


LENGTH = b"Content-Length: %d\r\n" % len(EVENT)
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(EVENT), EVENT)
SMUGGLED = [
    (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", CHUNKED),
    (b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", CHUNKED),
    (LENGTH + LENGTH, EVENT),
    (b"Content-Length: 0\r\n" + LENGTH, EVENT),
    (b"Content-Length: +%d\r\n" % len(EVENT), EVENT),
    (b"Content-Length: %d, %d\r\n" % (len(EVENT), len(EVENT)), EVENT),
    (b"Content-Length: 0x10\r\n", EVENT),
    (b"Content-Length: -1\r\n", EVENT),
    (b"Content-Length: 99999999999999999999\r\n", EVENT),
    (b"Content-Length : %d\r\n" % len(EVENT), EVENT),
    (b"Transfer-Encoding: identity\r\n", EVENT),
    (b"Transfer-Encoding: gzip, chunked\r\n", CHUNKED),
    (b"Transfer-Encoding: chunked, identity\r\n", CHUNKED),
    (b"Transfer-Encoding: xchunked\r\n", CHUNKED),
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", CHUNKED),
    (b"Transfer-Encoding:\x0bchunked\r\n", CHUNKED),
    (b"Transfer-Encoding\r\n: chunked\r\n", CHUNKED),
    (b"X: y\r\n Transfer-Encoding: chunked\r\n", CHUNKED),
    (b"Transfer-Encoding: chunked\r\n", CHUNKED.replace(b"\r\n", b"\n")),
    (b"Transfer-Encoding: chunked\r\n", b"0x" + CHUNKED),
    (b"Transfer-Encoding: chunked\r\n", b"-1\r\n\r\n"),
    (b"Transfer-Encoding: chunked\r\n", b"ffffffffffffffffff\r\n" + EVENT),
]


@pytest.mark.parametrize(("framing", "body"), SMUGGLED, ids=[repr(framing)[2:40] for framing, _ in SMUGGLED])
def test_a_body_that_two_programs_would_frame_differently_is_refused(up, sims, framing, body):
    """At most one answer, it is a 400, and what follows on the connection is not a request."""
    raw = exchange(up, HEAD + framing + b"\r\n" + body + b"GET /gk/healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert statuses(raw) in ([400], []), raw
    assert posted(sims) == 0


def test_one_framing_is_taken(up, sims):
    """The rows above are refused for what is wrong with them."""
    raw = exchange(up, HEAD + LAST + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED)
    assert statuses(raw) == [202]
    assert statuses(exchange(up, HEAD + LAST + LENGTH + b"\r\n" + EVENT)) == [202]
    sims.first_party.wait(1)


HEADS = {
    "no host": (b"GET /gk/healthz HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET /gk/healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    "host is a URL": (b"GET /gk/healthz HTTP/1.1\r\nHost: http://a\r\n\r\n", 400),
    "host with a path": (b"GET /gk/healthz HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "host with a user": (b"GET /gk/healthz HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
    "two hosts in one": (b"GET /gk/healthz HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
    "empty host": (b"GET /gk/healthz HTTP/1.1\r\nHost:\r\n\r\n", 400),
    "HTTP/0.9": (b"GET /gk/healthz\r\n\r\n", 505),
    "HTTP/2.0": (b"GET /gk/healthz HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "bare line feeds": (b"GET /gk/healthz HTTP/1.1\nHost: a\n\n", 400),
    "folded": (b"GET /gk/healthz HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
    "blank before colon": (b"GET /gk/healthz HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    "absolute form": (b"GET http://a/gk/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "authority form": (b"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "connect": (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "asterisk": (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "two authorizations": (GET + b"Authorization: a\r\nAuthorization: b\r\n\r\n", 400),
    "101 headers": (b"GET /gk/healthz HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 100 + b"\r\n", 431),
    "17 KiB in one": (b"GET /gk/healthz HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 17 * 1024 + b"\r\n\r\n", 431),
    "17 KiB without end": (b"GET /gk/healthz HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 17 * 1024, 431),
    "17 KiB target": (b"GET /gk/healthz?" + b"y" * 17 * 1024 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_with_a_fault_is_refused_and_the_connection_ends(up, name):
    """One answer, a problem document, and the end."""
    raw, status = HEADS[name]
    got = exchange(up, raw + b"GET /gk/healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert statuses(got) == [status], got
    assert b"application/problem+json" in got and b"connection: close" in got.lower()


TARGETS = [
    "/gk/../gk/healthz", "/gk/./healthz", "/gk//healthz", "/gk/%2e%2e/healthz", "/gk/healthz%00", "/gk%2fhealthz",
    "/gk/healthz%0d%0aX:y", "/gk\\healthz", "/gk/%5chealthz", "/gk/healthz#a", "/gk/%zz", "//gk/healthz",
    "/%67k/healthz/..",
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_that_two_programs_would_read_differently_is_no_endpoint(up, target):
    """400 or 404, never the endpoint."""
    for path in (target, target.replace("healthz", "collect")):
        got = statuses(exchange(up, f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()))
        assert got in ([400], [404]), (path, got)


@pytest.mark.parametrize("byte", [*range(32), 127])
def test_no_control_character_gets_into_a_header(up, byte):
    """In names, values and targets; 32 control characters and DEL at three places."""
    one = bytes([byte])
    good = (b"\t", b"")
    for raw in (
        b"GET /gk/healthz?a" + one + b"b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /gk/healthz HTTP/1.1\r\nHost: a\r\nX" + one + b"y: z\r\n\r\n",
        b"GET /gk/healthz HTTP/1.1\r\nHost: a\r\nX: y" + (b"" if one in good else one) + b"z\r\n\r\n",
    )[: 2 if one in good else 3]:
        assert statuses(exchange(up, raw)) == [400], raw


def test_trailers_are_no_headers(up, sims):
    """A consent, an opt-out or a context that comes after the body was seen by nobody: it is dropped."""
    trailer = b"0\r\nSec-GPC: 1\r\nAuthorization: Bearer x\r\nCookie: a=b\r\n\r\n"
    body = CHUNKED.replace(b"0\r\n\r\n", trailer)
    assert statuses(exchange(up, HEAD + LAST + b"Transfer-Encoding: chunked\r\n\r\n" + body)) == [202]
    sims.first_party.wait(1)


def test_a_name_with_an_underscore_is_dropped(up):
    """`Content_Length` and `Authorization` spelt for CGI do not exist."""
    raw = exchange(up, HEAD + LAST + b"Content_Length: 5\r\nTransfer_Encoding: chunked\r\n" + LENGTH + b"\r\n" + EVENT)
    assert statuses(raw) == [202]


def test_pipelined_requests_are_answered_in_order_up_to_the_faulty_one(up):
    """A fault behind a good request does not break into its answer."""
    good = GET + b"\r\n"
    raw = exchange(up, good + good + b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n" + good)
    assert statuses(raw)[:2] == [200, 200] and set(statuses(raw)[2:]) <= {400}, raw
    assert raw.count(b"HTTP/1.1 ") == raw.count(b"\r\n\r\n")


def test_a_head_that_begins_behind_another_request_is_bounded_too(up):
    """And ends in another piece: the bytes of both count."""
    with connect(up) as connection:
        connection.sendall(HEAD + LENGTH + b"\r\n" + EVENT + GET + b"X: " + b"y" * 15_000)
        time.sleep(0.2)
        connection.sendall(b"y" * 1500 + b"\r\n\r\n")
        assert statuses(rest(connection))[-1:] == [431]


def test_an_upgrade_that_is_not_offered_is_as_if_not_asked_for(up, sims):
    """curl --http2 and Java's client ask for h2c with every request; the body and the next request are read."""
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
    raw = exchange(up, HEAD + upgrade + LENGTH + b"\r\n" + EVENT + GET + LAST + b"\r\n")
    assert statuses(raw) == [202, 200]
    socket_too = GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + GET + LAST + b"\r\n"
    assert statuses(exchange(up, socket_too)) == [200, 200]
    sims.first_party.wait(1)


def bomb(coding):
    """300 MB of nothing, in a few hundred kB or less."""
    if coding == "gzip":
        return gzip.compress(b"[" * 300_000_000, 9)
    if coding == "deflate":
        return zlib.compress(b"[" * 300_000_000, 9)
    if coding == "zstd":
        return coded(b"[" * 300_000_000, "zstd")
    return brotli.compress(b"[" * 300_000_000, quality=1)


def rss(pid):
    """Resident bytes of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_decompression_bomb_stays_small(up, sims, coding):
    """At both doors; the process grows by less than 64 MiB."""
    body = bomb(coding)
    before = rss(up.process.pid)
    for path in ("/gk/collect", "/gk/to/ga4/mp/collect?measurement_id=G-TEST"):
        head = f"POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Encoding: {coding}\r\n"
        raw = exchange(up, head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        expected = ([413], [415]) if path == "/gk/collect" else ([204], [413])
        assert statuses(raw) in expected, raw[:300]
    assert rss(up.process.pid) - before < 64 * 2**20
    assert posted(sims) == 0


DEEP = {
    "arrays": b'{"event":"x","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "objects": b'{"a":' * 1000 + b"1" + b"}" * 1000,
    "33 deep": b'{"event":"x","data":' + b"[" * 33 + b"]" * 33 + b"}",
    "3,000 keys": orjson.dumps({"event": "x", "data": {f"k{n}": n for n in range(3000)}}),
    "one key twice": b'{"event":"x","event":"y"}',
    "cut off": b'{"event":"x"',
    "no UTF-8": b'{"event":"\xff"}',
    "lone surrogate": b'{"event":"\\ud800"}',
    "a number as long as a book": b'{"event":"x","data":{"order_value":' + b"9" * 100_000 + b"}}",
}


@pytest.mark.parametrize("name", DEEP)
def test_a_body_that_is_no_event_is_a_4xx_and_as_a_call_it_is_blocked(up, name):
    """Nothing is sent, and the process goes on."""
    body = DEEP[name]
    length = LAST + f"Content-Length: {len(body)}\r\n\r\n".encode()
    (status,) = statuses(exchange(up, HEAD + length + body))
    assert status in (400, 413, 422) or name == "a number as long as a book"
    raw = exchange(up, b"POST /gk/to/ga4/mp/collect HTTP/1.1\r\nHost: a\r\n" + length + body)
    assert statuses(raw) == [204] and b"gatekeeper-decision: blocked; reason=" in raw


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "TRACE", "PROPFIND"])
def test_a_truncated_body_is_no_call(up, sims, method):
    """The client goes away in the middle: nothing is decided, nothing is sent."""
    head = f"{method} /gk/to/ga4/mp/collect HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"
    with connect(up) as connection:
        connection.sendall(head.encode() + b'{"client_id":')
    assert posted(sims) == 0


PACED = """
[server]
header_timeout = "500ms"
body_timeout = "500ms"
max_connections = 40
max_connections_per_address = 30
hosts = ["127.0.0.1", "gate.example"]
admin_token = { env = "GATEKEEPER_ADMIN" }
"""


@pytest.fixture(scope="module")
def paced(tmp_path_factory, sims):
    """A gate with little patience."""
    folder = tmp_path_factory.mktemp("paced")
    with serving(folder, sims, server=PACED) as running:
        yield running


def test_a_client_that_is_slow_with_its_head_is_cut_off(paced):
    """One byte at a time does not help: the deadline is for all of it."""
    with connect(paced) as connection:
        started = time.monotonic()
        drip(connection, b"GET /gk/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"y" * 100)
        assert statuses(rest(connection)) in ([408], [])
        assert time.monotonic() - started < 8
    with connect(paced) as silent:
        assert rest(silent) == b""


@pytest.mark.parametrize("framing", [b"Content-Length: 70\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n46\r\n"])
@pytest.mark.parametrize("path", [b"/gk/collect", b"/gk/to/own/x", b"/gk/healthz", b"/nothing"])
def test_a_client_that_is_slow_with_its_body_is_cut_off(paced, sims, framing, path):
    """Wherever it sends it."""
    with connect(paced) as connection:
        started = time.monotonic()
        head = b"POST " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n" + framing
        connection.sendall(head)
        drip(connection, EVENT[:70])
        got = rest(connection)
        assert set(statuses(got)) <= {408, 404, 200} and len(statuses(got)) <= 1, got
        assert time.monotonic() - started < 12
    assert posted(sims) == 0


def drip(connection, raw):
    """A byte every 200 ms, until nobody listens any more."""
    with contextlib.suppress(OSError):
        connection.settimeout(0.2)
        for byte in raw:
            connection.sendall(bytes([byte]))
            try:
                if not connection.recv(1, socket.MSG_PEEK):
                    break
                break
            except TimeoutError:
                continue
    connection.settimeout(60)


def test_connections_are_bounded_and_slow_ones_make_room(paced):
    """30 of one address are let in; the next one is told; half a second later there is room again."""
    held = [connect(paced) for _ in range(30)]
    try:
        got = exchange(paced, b"GET /gk/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert statuses(got) in ([503], []), got
        ask = b"GET /gk/healthz HTTP/1.1\r\nHost: gate.example\r\nConnection: close\r\n\r\n"
        paced.wait(lambda: statuses(exchange(paced, ask)) == [200])
    finally:
        for connection in held:
            connection.close()


def test_a_host_that_is_not_served_is_refused(paced):
    """`[server] hosts` names them, without port, in any case."""
    for host, status in {"GATE.example:8787": 200, "127.0.0.1": 200, "evil.example": 421, "[::1]": 421}.items():
        got = statuses(
            exchange(paced, f"GET /gk/healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        )
        assert got == [status], host


def test_a_client_that_does_not_read_does_not_stop_others(up):
    """40 of them ask for the metrics a hundred times each and never read."""
    ask = b"GET /gk/metrics HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %b\r\n\r\n" % TOKEN.encode() * 100
    deaf = [connect(up) for _ in range(40)]
    before = rss(up.process.pid)
    try:
        for connection in deaf:
            connection.sendall(ask)
        for _ in range(20):
            assert up.get("/gk/healthz").status_code == 200
        assert rss(up.process.pid) - before < 64 * 2**20
    finally:
        for connection in deaf:
            connection.close()


def test_200_slow_clients_do_not_keep_a_good_one_from_being_served(up):
    """They hold connections, nothing else."""
    slow = []
    threads = []

    def hold():
        connection = connect(up)
        connection.sendall(b"POST /gk/collect HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
        slow.append(connection)

    try:
        for _ in range(200):
            threads.append(threading.Thread(target=hold))
            threads[-1].start()
        for thread in threads:
            thread.join()
        assert [up.post().status_code for _ in range(10)] == [202] * 10
    finally:
        for connection in slow:
            connection.close()


HEADER = st.sampled_from([b"host", b"x", b"content-length", b"transfer-encoding", b"cookie", b"origin"])


@settings(max_examples=sized(500), deadline=None)
@given(st.lists(st.tuples(HEADER, st.binary(max_size=12)), max_size=6), st.binary(max_size=30))
def test_law_what_passes_can_be_read_in_one_way(headers, target):
    """No singleton twice, one host, one framing, a target that is a path."""
    if request_fault("POST", target, "1.1", headers) is not None:
        return
    names = [name for name, _ in headers]
    assert all(names.count(name) <= 1 for name in SINGLETONS) and names.count(b"host") == 1
    assert not {b"content-length", b"transfer-encoding"} <= set(names)
    assert target.startswith(b"/") and target_fault(target) is None and target.isascii()


@settings(max_examples=sized(500), deadline=None)
@given(st.lists(st.sampled_from(["a", "..", ".", "%2e", "%2E%2e", "", "%2f", "%5c", "g", "%00", "%", "\\", "#", "?"])))
def test_law_a_path_that_passes_means_what_it_says(segments):
    """Decoded once, it has the same segments: none is empty, a dot, or a slash in disguise."""
    path = "/" + "/".join(segments)
    if path_fault(path.encode()) is not None:
        return
    from urllib.parse import unquote

    parts = unquote(path).split("/")[1:]
    assert len(parts) == path.count("/") and not {".", ".."} & set(parts)
    assert "" not in parts[:-1]
