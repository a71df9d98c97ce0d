"""Answers by ASGI as bytes: framing, what an app may not send, and what becomes of one that fails."""

import asyncio
from types import SimpleNamespace

import pytest

from gatekeeper.shells.asgi import OWN_DATE, UNTIL_CLOSE
from gatekeeper.shells.server.protocol import GuardedProtocol
from gatekeeper.shells.server.watch import Watch
from gatekeeper.shells.server.ways import Ways
from tests.shells.test_connection import Wire

DATE = (b"date", b"Tue, 01 Dec 2026 00:00:00 GMT")
DATED = b"date: Tue, 01 Dec 2026 00:00:00 GMT\r\n"
ASKED = b"%b / HTTP/%b\r\nHost: a\r\n\r\n"
FAILED = b"HTTP/1.1 500 Internal Server Error\r\n" + DATED


async def answered(app, request=ASKED % (b"GET", b"1.1"), *more):
    """The bytes that a client gets, and whether the connection has ended."""
    served = SimpleNamespace(connections=set(), tasks=set(), default_headers=[DATE])
    one, wire = GuardedProtocol(Ways(app, Watch()), served, {"a": 1}), Wire()
    one.connection_made(wire)
    for piece in (request, *more):
        one.data_received(piece)
        for _ in range(10):
            await asyncio.sleep(0)
    assert not served.tasks
    return wire.sent, wire.closed


def answers(*parts, status=200, headers=(), extension=None):
    """An app whose answer comes in these parts."""

    async def app(scope, receive, send):
        if extension is not None:
            scope["extensions"][extension]()
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})

    return app


def length(n):
    return [(b"Content-Length", b"%d" % n)]


LINES = {
    "by its length": (answers(b"ab", b"c", headers=length(3)), b"GET", b"1.1", b"content-length: 3\r\n\r\nabc", False),
    "in chunks": (answers(b"ab", b"", b"c"), b"GET", b"1.1",
                  b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", False),
    "in chunks that the app names": (answers(b"a", headers=[(b"Transfer-Encoding", b"Chunked")]), b"GET", b"1.1",
                                     b"transfer-encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", False),
    "without a body": (answers(status=204), b"GET", b"1.1", b"\r\n", False),
    "of a HEAD": (answers(b"abc", headers=length(3)), b"HEAD", b"1.1", b"content-length: 3\r\n\r\n", False),
    "of a HEAD in chunks": (answers(b"abc"), b"HEAD", b"1.1", b"\r\n", False),
    "the last one": (answers(headers=[*length(0), (b"connection", b"x, Close")]), b"GET", b"1.1",
                     b"content-length: 0\r\nconnection: x, Close\r\n\r\n", True),
    "in HTTP/1.0": (answers(b"a", headers=length(1)), b"GET", b"1.0",
                    b"content-length: 1\r\nconnection: close\r\n\r\na", True),
    "in HTTP/1.0, which would go on": (answers(headers=length(0)), b"GET", b"1.0\r\nConnection: keep-alive",
                                       b"content-length: 0\r\nconnection: close\r\n\r\n", True),
    "until the end": (answers(b"a", b"bc", extension=UNTIL_CLOSE), b"GET", b"1.0",
                      b"connection: close\r\n\r\nabc", True),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
async def test_an_answer_is_framed_as_its_head_says(name):
    """And the connection goes on, but for the last one."""
    app, method, version, expected, last = LINES[name]
    sent, closed = await answered(app, ASKED % (method, version))
    status = b"HTTP/1.1 204 No Content\r\n" if name == "without a body" else b"HTTP/1.1 200 OK\r\n"
    assert (sent, closed) == (status + DATED + expected, last)


async def test_an_app_may_say_its_own_date():
    """Then ours is not added; a status that no standard names has no phrase."""
    app = answers(headers=[(b"date", b"then"), *length(0)], status=299, extension=OWN_DATE)
    assert await answered(app) == (b"HTTP/1.1 299 \r\ndate: then\r\ncontent-length: 0\r\n\r\n", False)


BROKEN = {
    "longer than it says": answers(b"ab", headers=length(1)),
    "shorter than it says": answers(b"a", headers=length(2)),
    "a body where there is none": answers(b"ab", status=304),
    "a line break in a value": answers(headers=[(b"x", b"a\r\nset-cookie: b")]),
    "a control character in a value": answers(headers=[(b"x", b"a\x01")]),
    "a blank in a name": answers(headers=[(b"x y", b"a")]),
    "a status that is none": answers(status=99),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_cannot_be_an_answer_ends_the_connection(name, caplog):
    """So that nothing of it is taken for a whole one; the log names the kind of error and no value."""
    sent, closed = await answered(BROKEN[name])
    assert closed and b"set-cookie" not in sent and b"\x01" not in sent
    assert not sent.endswith((b"0\r\n\r\n", b"ab")) and sent.count(b"HTTP/1.1 ") <= 1
    assert "was not answered (" in caplog.text and "set-cookie" not in caplog.text


async def fails(scope, receive, send):
    raise ValueError("a visitor's word")


async def says_nothing(scope, receive, send):
    """It returns at once."""


async def says_half(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"a", "more_body": True})


async def begins_with_the_body(scope, receive, send):
    await send({"type": "http.response.body", "body": b"a"})


async def is_cancelled(scope, receive, send):
    raise asyncio.CancelledError


async def fails_afterwards(scope, receive, send):
    await answers(headers=length(0))(scope, receive, send)
    await send({"type": "http.response.body", "body": b"more"})


@pytest.mark.parametrize("app", [fails, says_nothing, begins_with_the_body, is_cancelled])
async def test_an_app_that_fails_before_its_answer_is_answered_for(app, caplog):
    """500, and the end of the connection; the log has nothing of what the app said."""
    sent, closed = await answered(app)
    assert closed and sent.startswith(FAILED) and sent.endswith(b"\r\n\r\nInternal Server Error")
    assert caplog.text and "word" not in caplog.text


@pytest.mark.parametrize("app", [says_half, fails_afterwards])
async def test_an_app_that_fails_in_its_answer_ends_the_connection(app):
    """Half an answer has no end, and there is no second one."""
    sent, closed = await answered(app)
    assert closed and sent.count(b"HTTP/1.1 ") == 1 and not sent.endswith(b"\r\n0\r\n\r\n") and b"more" not in sent


async def test_an_app_is_told_what_asgi_says():
    """The whole scope, the body as it comes, 100 if it is waited for, and that nothing comes after the answer."""
    seen = []

    async def app(scope, receive, send):
        seen.append(scope)
        while (message := await receive())["type"] == "http.request":
            seen.append((message["body"], message["more_body"]))
            if not message["more_body"]:
                await answers(headers=length(0))(scope, receive, send)

    head = b"POST /a%20b?c=%64 HTTP/1.1\r\nHost: a\r\nX: y \r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
    sent, _ = await answered(app, head, b"ab", b"cd")
    scope = dict(seen[0])
    assert scope.pop("extensions") and tuple(scope.pop("headers"))[1] == (b"x", b"y")
    assert scope == {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": "/a b", "raw_path": b"/a%20b", "query_string": b"c=%64", "root_path": "",
        "client": ("192.0.2.1", 1), "server": None, "state": {"a": 1},
    }  # fmt: skip
    assert seen[1:] == [(b"ab", True), (b"cd", False)]
    assert sent.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


async def test_an_answer_that_has_begun_is_not_broken_into():
    """Neither by a 100, which comes too late then, nor by a refusal of the body: the connection ends."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": length(1)})
        while (await receive())["type"] != "http.disconnect":
            """Until the client has gone."""

    head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert await answered(app, head, b"zz\r\n") == (b"HTTP/1.1 200 OK\r\n" + DATED + b"content-length: 1\r\n\r\n", True)


async def test_a_body_that_the_app_does_not_take_is_not_read_on():
    """Until it does: 64 KiB wait, no more are asked for."""
    reading = []

    class Paused(Wire):
        def pause_reading(self):
            reading.append(False)

        def resume_reading(self):
            reading.append(True)

    go_on = asyncio.Event()

    async def app(scope, receive, send):
        await go_on.wait()
        reading.append(len((await receive())["body"]))
        await answers(headers=length(0))(scope, receive, send)

    served = SimpleNamespace(connections=set(), tasks=set(), default_headers=[])
    one, wire = GuardedProtocol(Ways(app, Watch()), served, {}), Paused()
    one.connection_made(wire)
    one.data_received(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n")
    for _ in range(2):
        one.data_received(b"x" * 40_000)
    assert reading == [False]
    go_on.set()
    for _ in range(10):
        await asyncio.sleep(0)
    assert reading == [False, True, 80_000]


async def test_an_app_waits_for_a_client_that_does_not_read():
    """And goes on when it does, or has gone."""
    for ended in (False, True):
        served = SimpleNamespace(connections=set(), tasks=set(), default_headers=[])
        one, wire = GuardedProtocol(Ways(answers(b"a", headers=length(1)), Watch()), served, {}), Wire()
        one.connection_made(wire)
        one.pause_writing()
        one.data_received(ASKED % (b"GET", b"1.1"))
        for _ in range(10):
            await asyncio.sleep(0)
        assert wire.sent == b"" and served.tasks
        if ended:
            one.connection_lost(None)
        else:
            one.resume_writing()
        for _ in range(10):
            await asyncio.sleep(0)
        assert wire.sent.endswith(b"\r\n\r\na") is not ended and not served.tasks
