"""HTTP/1.1 off the wire: framing, limits, and every byte kept."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.testing.wire import MAX_BODY, MAX_HEAD, Message, Wire

HOST = b"Host: x\r\n"


def read(*pieces: bytes, count: int = 1) -> list[Message | None]:
    """The first `count` messages of a connection on which these pieces arrive, and then its end."""

    async def run() -> list[Message | None]:
        arriving = iter([piece for piece in pieces if piece])

        async def receive() -> bytes:
            return next(arriving, b"")

        async def proceed() -> None:
            raise AssertionError("nobody asked")

        wire = Wire(receive, proceed)
        return [await wire.message() for _ in range(count)]

    return asyncio.run(run())


def one(raw: bytes) -> Message:
    """The first message in these bytes."""
    [message] = read(raw)
    assert message is not None
    return message


def chunked(pieces: list[bytes]) -> bytes:
    """A chunked body of these non-empty pieces."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def test_order_case_and_duplicates_of_headers_are_kept() -> None:
    """Headers are a list; only the white space around a value goes."""
    message = one(b"GET /a?b=%20 HTTP/1.1\r\nX-b: 1\r\nHOST: x\r\nx-B:  2 \r\n\r\n")
    assert (message.method, message.target) == ("GET", "/a?b=%20")
    assert message.headers == (("X-b", "1"), ("HOST", "x"), ("x-B", "2"))


def test_requests_follow_each_other_on_one_connection() -> None:
    """Each has its own bytes, the next begins where it ends, and after the last comes None."""
    first = b"POST /1 HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\nab"
    second = b"POST /2 HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + chunked([b"cd", b"e"])
    messages = read(first + second, count=3)
    assert [message and (message.raw, message.body, message.last) for message in messages] == [
        (first, b"ab", False),
        (second, b"cde", False),
        None,
    ]


def test_chunk_extensions_and_trailers_are_kept_in_the_raw_bytes() -> None:
    """They are no part of the body."""
    raw = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"
    assert (one(raw).body, one(raw).raw, one(raw).fault) == (b"abc", raw, None)


@given(
    body=st.lists(st.binary(min_size=1, max_size=40), max_size=5),
    cuts=st.lists(st.integers(0, 300), max_size=8),
)
def test_how_the_bytes_arrive_makes_no_difference(body: list[bytes], cuts: list[int]) -> None:
    """Cut anywhere, a request is read the same and kept whole."""
    raw = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body)
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    [message] = read(*(raw[start:end] for start, end in pairwise(edges)))
    assert message is not None
    assert (message.fault, message.body, message.raw) == (None, b"".join(body), raw)


PIECES = st.sampled_from(
    [
        b"POST / HTTP/1.1\r\n",
        HOST,
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"\r\n",
        b"abc",
        b"0",
    ]
)


@given(pieces=st.lists(st.one_of(PIECES, st.binary(max_size=9)), max_size=12))
def test_no_bytes_raise_and_none_are_lost(pieces: list[bytes]) -> None:
    """Whatever arrives, all of it is in the messages, up to and with the first that is no request."""
    data = b"".join(pieces)
    messages = []
    for message in read(data, count=len(pieces) + 2):
        if message is None:
            break
        messages.append(message)
        if message.last:
            break
    kept = b"".join(message.raw for message in messages)
    assert data.startswith(kept)
    assert kept == data or messages[-1].last


BROKEN = [
    pytest.param(b"\r\n\r\n", 400, "not an HTTP/1.1 request line", id="empty"),
    pytest.param(b"GET / HTTP/2\r\n" + HOST + b"\r\n", 400, "not an HTTP/1.1 request line", id="version"),
    pytest.param(b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400, "not an HTTP/1.1 request line", id="spaces"),
    pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, "not exactly one Host header", id="no-host"),
    pytest.param(b"GET / HTTP/1.1\r\n" + HOST * 2 + b"\r\n", 400, "not exactly one Host header", id="hosts"),
    pytest.param(
        b"GET / HTTP/1.1\r\n" + HOST + b"a b: 1\r\n\r\n",
        400,
        "a header that is not name and value",
        id="name",
    ),
    pytest.param(
        b"GET / HTTP/1.1\r\n" + HOST + b"a: 1\r\n b\r\n\r\n",
        400,
        "a header that is not name and value",
        id="fold",
    ),
    pytest.param(
        b"GET / HTTP/1.1\r\n" + HOST + b"a: 1\nb: 2\r\n\r\n",
        400,
        "a header that is not name and value",
        id="lf",
    ),
    pytest.param(
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "Content-Length and Transfer-Encoding in one request",
        id="both-framings",
    ),
    pytest.param(
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
        400,
        "not exactly one decimal Content-Length",
        id="two-lengths",
    ),
    pytest.param(
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +1\r\n\r\na",
        400,
        "not exactly one decimal Content-Length",
        id="signed-length",
    ),
    pytest.param(
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        501,
        "a Transfer-Encoding other than chunked",
        id="coding",
    ),
    pytest.param(
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
        400,
        "a chunk without a size",
        id="chunk-size",
    ),
    pytest.param(
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        400,
        "a chunk longer than its size",
        id="chunk-end",
    ),
    pytest.param(
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1),
        413,
        f"more than {MAX_BODY} bytes of body",
        id="too-long",
    ),
    pytest.param(
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
        413,
        f"more than {MAX_BODY} bytes of body",
        id="absurdly-long",
    ),
    pytest.param(
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n",
        413,
        f"more than {MAX_BODY} bytes of body",
        id="chunk-too-long",
    ),
    pytest.param(
        b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEAD * 2,
        431,
        f"more than {MAX_HEAD} bytes of headers",
        id="head",
    ),
    pytest.param(
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * MAX_HEAD,
        431,
        f"more than {MAX_HEAD} bytes of trailers",
        id="trailers",
    ),
    pytest.param(b"POST / HT", 0, "the connection ended within the request", id="half-a-head"),
    pytest.param(
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\nabc",
        0,
        "the connection ended within the request",
        id="half-a-body",
    ),
    pytest.param(
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n9\r\nabc",
        0,
        "the connection ended within the request",
        id="half-a-chunk",
    ),
]


@pytest.mark.parametrize(("raw", "status", "fault"), BROKEN)
def test_what_is_not_http_is_kept_with_its_fault(raw: bytes, status: int, fault: str) -> None:
    """Strict where two parsers could disagree; the bytes read so far are kept."""
    message = one(raw)
    assert (message.status, message.fault, message.last) == (status, fault, True)
    assert message.raw
    assert raw.startswith(message.raw)


@pytest.mark.parametrize(
    ("raw", "last"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n", False, id="kept-alive"),
        pytest.param(b"GET / HTTP/1.1\r\n" + HOST + b"Connection: x, Close\r\n\r\n", True, id="closed"),
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", True, id="http-1.0"),
    ],
)
def test_a_connection_is_kept_unless_told_otherwise(raw: bytes, last: bool) -> None:
    """HTTP/1.1 keeps it, `Connection: close` and HTTP/1.0 do not."""
    assert one(raw).last is last
