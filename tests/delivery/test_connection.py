"""Answers as one connection reads them, however they are cut into pieces."""

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.delivery import connection as module
from gatekeeper.delivery.connection import Connection
from gatekeeper.model import Answer
from tests.sizes import sized


class Transport:
    """Keeps what it is told."""

    def __init__(self):
        self.written, self.closing, self.unsent = b"", False, 0

    def write(self, data):
        assert not self.closing
        self.written += data

    def is_closing(self):
        return self.closing

    def get_write_buffer_size(self):
        return self.unsent

    def abort(self):
        self.closing = True


class Loop:
    """All that a connection wants of one."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()

    def create_future(self):
        return self.loop.create_future()


@pytest.fixture(scope="module")
def loop():
    one = Loop()
    yield one
    one.loop.close()


def opened(loop):
    made = Connection(loop, lambda connection: None)
    made.connection_made(Transport())
    return made


def feed(connection, pieces, *, eof=False):
    """As a loop does: nothing more after the transport was closed."""
    for piece in pieces:
        if piece and not connection.transport.closing:
            connection.data_received(piece)
    if eof and not connection.transport.closing:
        connection.eof_received()


def read(loop, raw, *, eof=False, bodiless=False):
    """What one answer is read as, and whether its connection can be used again."""
    connection = opened(loop)
    waiter = connection.ask(b"", bodiless=bodiless)
    feed(connection, [raw], eof=eof)
    return (waiter.result() if waiter.done() else None), connection.reusable


tokens = st.text("abcXYZ-_!19", min_size=1, max_size=8).map(lambda text: "x" + text)
values = st.text('abc XYZ:,;=/"äÿ\t', max_size=12).map(lambda text: text.strip(" \t"))
spaces = st.sampled_from(["", " ", "  ", "\t", " \t "])
bodies = st.binary(max_size=200)


@st.composite
def heads(draw, status):
    """A head without framing, and the headers in it."""
    listed = draw(st.lists(st.tuples(tokens, values), max_size=6))
    reason = draw(st.sampled_from([" OK", " ", "", " Not \xe4 word"]))
    head = f"HTTP/1.1 {status}{reason}\r\n"
    for name, value in listed:
        head += f"{name}:{draw(spaces)}{value}{draw(spaces)}\r\n"
    return head.encode("latin-1"), tuple((name.lower(), value) for name, value in listed)


@st.composite
def answers(draw, framings=("length", "chunks", "nothing", "close")):
    """The bytes of a valid answer, what it means, and whether the connection stays."""
    raw = b""
    for _ in range(draw(st.integers(0, 2))):
        raw += draw(heads(draw(st.sampled_from([100, 102, 103]))))[0] + b"\r\n"
    framing = draw(st.sampled_from(framings))
    status = draw(st.sampled_from([204, 304] if framing == "nothing" else [200, 201, 302, 400, 429, 500, 599]))
    head, headers = draw(heads(status))
    body = b"" if framing == "nothing" else draw(bodies)
    raw += head
    if framing == "length":
        headers = (*headers, ("content-length", str(len(body))))
        raw += f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    elif framing == "chunks":
        headers = (*headers, ("transfer-encoding", "chunked"))
        raw += b"Transfer-Encoding: chunked\r\n\r\n"
        left = body
        while left:
            size = draw(st.integers(1, len(left)))
            raw += f"{size:x}{draw(st.sampled_from(['', ';a=b', ';a']))}\r\n".encode() + left[:size] + b"\r\n"
            left = left[size:]
        raw += b"0\r\n" + draw(st.sampled_from([b"", b"X-Trailer: a\r\n", b"Set-Cookie: a=b\r\nX: y\r\n"])) + b"\r\n"
    else:
        raw += b"\r\n" + body
    return raw, Answer(status, headers, body), framing != "close"


def cut(raw, places):
    """It in pieces."""
    ends = sorted({min(place, len(raw)) for place in places} | {len(raw)})
    return [raw[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@settings(max_examples=sized(300))
@given(answer=answers(), places=st.lists(st.integers(1, 400), max_size=12))
def test_an_answer_means_the_same_wherever_it_is_cut(loop, answer, places):
    """Any framing, any interim answers before it."""
    raw, expected, stays = answer
    connection = opened(loop)
    waiter = connection.ask(b"GET", bodiless=False)
    feed(connection, cut(raw, places), eof=not stays)
    assert waiter.result() == expected
    assert connection.reusable is stays


@given(answer=answers())
def test_an_answer_means_the_same_byte_by_byte(loop, answer):
    """The most pieces there can be."""
    raw, expected, stays = answer
    connection = opened(loop)
    waiter = connection.ask(b"GET", bodiless=False)
    feed(connection, [raw[n : n + 1] for n in range(len(raw))], eof=not stays)
    assert waiter.result() == expected


@given(first=answers(("length", "chunks", "nothing")), then=answers(), places=st.lists(st.integers(1, 400), max_size=5))
def test_answers_on_one_connection_know_nothing_of_each_other(loop, first, then, places):
    """The second is what it would be alone."""
    connection = opened(loop)
    for raw, expected, stays in (first, then):
        waiter = connection.ask(b"GET", bodiless=False)
        feed(connection, cut(raw, places), eof=not stays)
        assert waiter.result() == expected


@given(answer=answers(), end=st.integers(0, 10_000))
def test_an_answer_that_breaks_off_is_none(loop, answer, end):
    """Unless its end is the connection's, and its head is whole."""
    raw, expected, stays = answer
    part = raw[: end % max(1, len(raw))]
    reply, reusable = read(loop, part, eof=True)
    if stays or isinstance(reply, str):
        assert reply == "no_answer"
    else:
        assert expected.body.startswith(reply.body) and reply.headers == expected.headers
    assert not reusable


@given(raw=st.one_of(st.binary(), st.binary().map(lambda raw: b"HTTP/1.1 200 OK\r\n" + raw)))
def test_garbage_never_raises(loop, raw):
    """It is an answer or none."""
    reply, _ = read(loop, raw, eof=True)
    assert reply == "no_answer" or isinstance(reply, Answer)


NONE = {
    "another protocol": b"HTTP/1.1 101 Switch\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxyz",
    "another protocol, unnamed": b"HTTP/1.1 101 Switch\r\n\r\n",
    "HTTP/2": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "RTSP": b"RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "ICE": b"ICE/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "a status below 100": b"HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded header": b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "101 headers": b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 101 + b"Content-Length: 0\r\n\r\n",
    "a head of 65 KiB in one piece": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 66_600 + b"\r\nContent-Length: 0\r\n\r\n",
    "a head without end": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 66_600,
    "interim answers without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 3000,
    "line breaks without end": b"\r\n" * 40_000,
}


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_answer(loop, name):
    """Without waiting for more of it."""
    assert read(loop, NONE[name]) == ("no_answer", False)


def test_a_head_may_come_with_much_of_a_body(loop):
    """The bound is on the head alone."""
    body = b"x" * 200_000
    reply, reusable = read(loop, b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + body)
    assert reply.body == body and reusable


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nConnection: Keep-Alive, Close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHT",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nevil",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\0",
    ],
)
def test_some_answers_are_the_last_of_their_connection(loop, raw):
    """The vendor says so, or more came than was asked for."""
    reply, reusable = read(loop, raw)
    assert (reply.status, reply.body, reusable) == (200, b"ok", False)


def test_bytes_that_nobody_asked_for_end_a_connection(loop):
    """They would be read as the next answer."""
    connection = opened(loop)
    waiter = connection.ask(b"", bodiless=False)
    feed(connection, [b"HTTP/1.1 204 No Content\r\n\r\n"])
    assert waiter.result().status == 204 and connection.reusable
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
    assert not connection.reusable and not connection.open


def test_an_answer_to_half_a_request_is_the_last(loop):
    """The rest of the request would be in the way of the next."""
    connection = opened(loop)
    connection.transport.unsent = 1
    waiter = connection.ask(b"x" * 9, bodiless=False)
    feed(connection, [b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"])
    assert waiter.result().status == 413 and not connection.reusable


def test_an_answer_to_head_has_no_body(loop):
    """Whatever it says."""
    for raw in (b"Content-Length: 99", b"Transfer-Encoding: chunked", b"X: y"):
        reply, reusable = read(loop, b"HTTP/1.1 200 OK\r\n" + raw + b"\r\n\r\n", bodiless=True)
        assert (reply.status, reply.body, reusable) == (200, b"", False)


@pytest.mark.parametrize("framing", [b"Content-Length: 1000000", b"Transfer-Encoding: chunked", b"X: y"])
@pytest.mark.parametrize("piece", [1000, 1])
def test_a_body_is_read_up_to_its_bound(loop, monkeypatch, framing, piece):
    """Then the connection ends, and what was read is the answer: whoever asked sees that it is too long."""
    monkeypatch.setattr(module, "MAX_ANSWER", 2500)
    connection = opened(loop)
    waiter = connection.ask(b"", bodiless=False)
    part = b"x" * piece
    if b"chunked" in framing:
        part = f"{piece:x}\r\n".encode() + part + b"\r\n"
    feed(connection, [b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n"])
    sent = 0
    while not connection.transport.closing:
        connection.data_received(part)
        sent += piece
    assert waiter.result().body == b"x" * 2500 and sent < 2500 + piece


def test_a_reset_is_no_answer(loop):
    """Also of a body that the connection's end would have ended."""
    for raw in (b"", b"HTTP/1.1 200 OK\r\n\r\nhalf", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"):
        connection = opened(loop)
        waiter = connection.ask(b"", bodiless=False)
        feed(connection, [raw])
        connection.connection_lost(ConnectionResetError())
        assert waiter.result() == "no_answer"


def test_a_connection_that_is_gone_is_left_alone(loop):
    """asyncio's transports fail when they are ended twice, uvloop's when they are written to."""
    connection = opened(loop)
    connection.connection_lost(None)
    connection.transport.abort = None
    connection.abort()
    assert not connection.reusable


def test_an_answer_that_nobody_waits_for_any_more_is_dropped(loop):
    """Given up meanwhile."""
    connection = opened(loop)
    waiter = connection.ask(b"", bodiless=False)
    waiter.cancel()
    feed(connection, [b"HTTP/1.1 204 No Content\r\n\r\n"])
    with contextlib.suppress(asyncio.CancelledError):
        assert waiter.result() is None
    assert waiter.cancelled()
