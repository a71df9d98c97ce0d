"""Requests that are answered without ASGI, and the same ones by way of it: nobody can tell from outside."""

import re
import socket
import time

import pytest

from tests.shells.serving import serving

EVENT = b'{"event":"page_view","consent":{"analytics":true},"data":{"session_id":"s_1"}}'
HIT = b'{"client_id":"1.2","events":[{"name":"page_view"}]}'
SERVER = """
[server]
admin_token = { env = "GATEKEEPER_ADMIN" }
origins = ["https://shop.example"]
"""
SHORT = """
[destinations.ga4]
kind = "ga4"
measurement_id = "G-TEST"
api_secret = "s3cret"
endpoint = "{ga4}"
"""
REQUESTS = {
    "an event": (b"POST", b"/gk/collect", (), EVENT),
    "no event": (b"POST", b"/gk/collect", (), b"{"),
    "a coding nobody reads": (b"POST", b"/gk/collect", (b"Content-Encoding: br",), EVENT),
    "a wrong key": (b"POST", b"/gk/collect", (b"Authorization: Bearer x",), EVENT),
    "a stranger's page": (b"POST", b"/gk/collect", (b"Origin: https://other.example",), EVENT),
    "a preflight": (b"OPTIONS", b"/gk/collect", (b"Origin: https://shop.example",), b""),
    "another method": (b"PUT", b"/gk/collect", (), EVENT),
    "a call": (b"POST", b"/gk/to/ga4/mp/collect?measurement_id=G-TEST&api_secret=x", (), HIT),
    "a call to nobody": (b"POST", b"/gk/to/nobody/x", (), HIT),
    "a path with a fault": (b"POST", b"/gk/to/ga4//mp/collect", (), HIT),
    "the last one, with a fault": (b"POST", b"/gk/to/ga4//mp/collect", (b"Connection: close",), HIT),
    "an encoded path": (b"GET", b"/gk/he%61lthz", (), b""),
    "no endpoint": (b"GET", b"/gk/nothing", (), b""),
    "health": (b"GET", b"/gk/healthz", (), b""),
}


@pytest.fixture(scope="module")
def up(tmp_path_factory, sims):
    folder = tmp_path_factory.mktemp("serve")
    with serving(folder, sims, more=SHORT.format(ga4=sims.ga4.url), server=SERVER) as running:
        yield running


def written(method, path, headers, body, *, chunked=False):
    """A request as bytes, in either framing."""
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    lines = [method + b" " + path + b" HTTP/1.1", b"Host: 127.0.0.1", *headers, framing]
    if chunked:
        body = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def answer(connection):
    """One whole answer."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        more = connection.recv(65_536)
        assert more, raw
        raw += more
    length = re.search(rb"content-length: (\d+)", raw)
    end = raw.index(b"\r\n\r\n") + 4 + (int(length[1]) if length else 0)
    while len(raw) < end:
        raw += connection.recv(65_536)
    assert len(raw) == end, raw
    return raw


def told(raw):
    """An answer without what is new in each: the date and the ids."""
    return re.sub(rb"req_[0-9a-z]{26}", b"<id>", re.sub(rb"date: [^\r]+", b"date", raw))


@pytest.fixture
def connection(up):
    with socket.create_connection(("127.0.0.1", up.port), timeout=60) as made:
        yield made


@pytest.mark.parametrize("request_of", REQUESTS.values(), ids=REQUESTS)
def test_both_ways_give_one_answer(up, request_of):
    """A body in chunks goes the way of ASGI; the answers are the same bytes."""
    answers = set()
    for chunked in (False, True):
        with socket.create_connection(("127.0.0.1", up.port), timeout=60) as connection:
            connection.sendall(written(*request_of, chunked=chunked))
            answers.add(told(answer(connection)))
    assert len(answers) == 1, answers


def test_a_request_may_come_in_any_pieces(connection):
    """Cut in two at every byte, on one connection."""
    raw = written(*REQUESTS["an event"])
    for cut in range(1, len(raw)):
        connection.sendall(raw[:cut])
        time.sleep(0.001)
        connection.sendall(raw[cut:])
        assert answer(connection).startswith(b"HTTP/1.1 202 "), cut


def test_pipelined_ones_are_answered_in_order(up, connection):
    """The second is read while the first one waits for the disk: it is queued behind it."""
    kinds = ["an event", "health", "a call", "no event", "an event", "no endpoint"]
    connection.sendall(b"".join(written(*REQUESTS[kind]) for kind in kinds[:-1]))
    last = written(*REQUESTS[kinds[-1]]).replace(b"Host", b"Connection: close\r\nHost", 1)
    connection.sendall(last)
    raw = b""
    while more := connection.recv(65_536):
        raw += more
    assert re.findall(rb"HTTP/1.1 (\d+) ", raw) == [b"202", b"200", b"204", b"400", b"202", b"404"]


def test_who_asks_for_continue_is_told_to(connection):
    """The body comes only then."""
    head, _, body = written(*REQUESTS["an event"]).partition(b"\r\n\r\n")
    connection.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
    assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
    connection.sendall(body)
    assert answer(connection).startswith(b"HTTP/1.1 202 ")


@pytest.mark.parametrize("said", [b"HTTP/1.0", b"HTTP/1.1\r\nConnection: close"])
def test_a_connection_ends_where_the_client_wants_it(connection, said):
    """After a whole answer."""
    connection.sendall(written(*REQUESTS["health"]).replace(b"HTTP/1.1", said, 1))
    raw = b""
    while more := connection.recv(65_536):
        raw += more
    assert raw.startswith(b"HTTP/1.1 200 ") and raw.endswith(b'{"status":"ok"}')
    assert b"connection: close\r\n" in raw


def test_a_head_request_gets_no_body(connection):
    """And the connection stays in step."""
    connection.sendall(written(b"HEAD", b"/gk/healthz", (), b""))
    connection.sendall(written(*REQUESTS["health"]))
    raw = b""
    while not raw.endswith(b'{"status":"ok"}'):
        raw += connection.recv(65_536)
    assert raw.count(b"HTTP/1.1 200 ") == 2 and raw.count(b"{") == 1


def test_a_client_that_leaves_costs_nothing(up, sims):
    """Its event was whole: it is kept; the next one is served."""
    up.wait(lambda: not up.metrics().get(("queued", "own")))  # what tests before sent is not taken for it
    sims.clear()
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", up.port), timeout=60) as made:
            made.sendall(written(*REQUESTS["an event"]))
    sims.first_party.wait(1)
    assert up.get("/gk/healthz").status_code == 200
