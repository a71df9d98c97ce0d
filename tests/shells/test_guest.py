"""The sidecar changes nothing for the app behind it: cases of the field, remade (`raw_app.py` names the source)."""

import socket

import pytest

from gatekeeper.testing import Simulators
from tests.shells.raw_app import raw_app
from tests.shells.serving import serving
from tests.shells.test_wire import exchange, statuses
from tests.storage.builders import wait


@pytest.fixture(scope="module")
def app():
    with raw_app() as one:
        yield one


@pytest.fixture(scope="module")
def up(tmp_path_factory, app):
    with (
        Simulators(only=("first_party",)) as sims,
        serving(tmp_path_factory.mktemp("guest"), sims, options=("--app-upstream", app.url)) as running,
    ):
        yield running


def ask(up, line, headers=b"", body=b"", *, close=True):
    """One request on a connection of its own, and all that came back."""
    ends = b"Connection: close\r\n" if close else b""
    return exchange(up, b"%s\r\nHost: a\r\n%s%s\r\n%s" % (line, ends, headers, body))


@pytest.mark.parametrize("method", [b"POST", b"PATCH", b"PUT", b"DELETE", b"PROPFIND", b"PURGE", b"LOCK"])
@pytest.mark.parametrize(
    ("headers", "body"),
    [(b"", b""), (b"Content-Length: 0\r\n", b""), (b"Content-Length: 2\r\n", b"hi")],
    ids=["bare", "length-0", "body"],
)
def test_what_may_change_something_is_asked_once(up, app, method, headers, body):
    """The app reads it, acts, and hangs up, on a connection that was kept: a 502, and no second time."""
    ask(up, b"GET /warm HTTP/1.1")
    request = b"%s /act?%d" % (method, len(app.acted))
    assert statuses(ask(up, request + b" HTTP/1.1", headers, body)) == [502]
    assert app.acted[request] == 1


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"OPTIONS"])
def test_what_changes_nothing_is_asked_again_where_a_kept_connection_was_closed(up, app, method):
    """Twice at most."""
    ask(up, b"GET /warm HTTP/1.1")
    request = b"%s /act?%d" % (method, len(app.acted))
    assert statuses(ask(up, request + b" HTTP/1.1")) == [502] and app.acted[request] == 2


@pytest.mark.parametrize("method", [b"GET", b"POST", b"DELETE"])
def test_an_app_that_closes_between_two_requests_is_asked_on_another_connection(up, app, method):
    """Its close was seen: nothing is lost, and nothing repeated."""
    for n in range(5):
        assert statuses(ask(up, b"GET /then-close?%d HTTP/1.1" % n)) == [200]
        wait(lambda: app.port.links[-1].fileno() == -1)  # it has closed, though the gate may not have looked yet
        request = b"%s /after?%d" % (method, len(app.acted))
        assert statuses(ask(up, request + b" HTTP/1.1")) == [200] and app.acted[request] == 1


@pytest.mark.parametrize("path", [b"/chunked", b"/until-close"])
@pytest.mark.parametrize("more", [b"", b"Connection: keep-alive\r\n"], ids=["plain", "keep-alive"])
def test_an_http_1_0_client_gets_no_chunks(up, path, more):
    """The body until the end of the connection, and no Transfer-Encoding (RFC 9112 section 6.1)."""
    raw = ask(up, b"GET %s HTTP/1.0" % path, more, close=False)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert statuses(raw) == [200] and b"transfer-encoding" not in head.lower() and b"connection: close" in head
    assert body == (b"hello world" if path == b"/chunked" else b"until close")


def test_an_http_1_1_client_gets_an_answer_it_can_frame(up):
    """The same app, in chunks; trailers and extensions of chunks are dropped."""
    raw = ask(up, b"GET /chunked HTTP/1.1")
    assert (
        b"transfer-encoding: chunked" in raw and raw.endswith(b"0\r\n\r\n") and b"X-T" not in raw and b";a" not in raw
    )


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [(b"HEAD", b"/chunked", 200), (b"GET", b"/204", 204), (b"GET", b"/304", 304), (b"GET", b"/204-with-body", 204)],
    ids=["head", "204", "304", "204-with-a-body"],
)
def test_answers_that_have_no_body_have_none(up, version, method, path, status):
    """For either version; what an app sends behind one is no second answer."""
    raw = ask(up, b"%s %s HTTP/%s" % (method, path, version))
    assert statuses(raw) == [status] and raw.partition(b"\r\n\r\n")[2] == b"" and b"smuggled" not in raw


def test_interim_answers_are_not_the_answer(up):
    """102 and 103 are passed over."""
    assert statuses(ask(up, b"GET /102 HTTP/1.1")) == [200]


@pytest.mark.parametrize(("path", "status"), [(b"/same-length-twice", 200), (b"/two-lengths", 502)])
def test_a_length_that_is_said_twice_must_be_one(up, path, status):
    """RFC 9112 section 6.3: the same one may be taken as one, two different ones are no answer."""
    raw = ask(up, b"GET %s HTTP/1.1" % path)
    assert statuses(raw) == [status] and raw.lower().count(b"content-length") == 1


def test_an_answer_with_a_control_character_in_a_header_is_a_502(up):
    """Not a connection that breaks off."""
    raw = ask(up, b"GET /control HTTP/1.1")
    assert statuses(raw) == [502] and b"\x01" not in raw


@pytest.mark.parametrize(
    ("line", "status", "title"),
    [
        (b"FOO /x HTTP/1.1", 501, b"the method is not known here"),
        ("GET /caf\u00e9 HTTP/1.1".encode(), 400, b"the target is not a valid URL"),
        (b"hello", 400, b"this is not HTTP/1.1"),
    ],
    ids=["method", "target", "nothing"],
)
def test_what_is_refused_is_called_by_its_name(up, line, status, title):
    """A method that the parser does not know is not bad HTTP."""
    raw = ask(up, line)
    assert statuses(raw) == [status] and title in raw


@pytest.mark.parametrize("body", [b"", b"abc"], ids=["empty", "three"])
def test_expect_100_continue_is_answered_once_and_not_passed_on(up, app, body):
    """By the gate; the app sees the request as if it had not been asked."""
    raw = ask(up, b"POST /echo HTTP/1.1", b"Expect: 100-continue\r\nContent-Length: %d\r\n" % len(body), body)
    assert statuses(raw)[-1] == 200 and statuses(raw).count(100) <= 1
    assert b"expect" not in app.heads[-1].lower()


def test_a_client_that_closes_its_side_still_gets_its_answer(up):
    """Half-closed connections are how `nc` and some health checks ask."""
    with socket.create_connection(("127.0.0.1", up.port), timeout=60) as link:
        link.sendall(b"GET /half HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        raw = b""
        while part := link.recv(65_536):
            raw += part
    assert statuses(raw) == [200]


def test_what_an_app_sends_unasked_is_nobodys_answer(up):
    """A second answer behind the first one ends the kept connection: the next request does not get it."""
    for n in range(5):
        assert ask(up, b"GET /twice?%d HTTP/1.1" % n).endswith(b"ok")
        assert ask(up, b"GET /next?%d HTTP/1.1" % n).endswith(b"ok")


SOCKET = b"Upgrade: %s\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


@pytest.mark.parametrize(
    ("line", "headers", "upgraded"),
    [
        (b"GET /ws HTTP/1.1", b"Connection: Upgrade\r\n" + SOCKET % b"websocket", True),
        (b"GET /ws HTTP/1.1", b"Connection: keep-alive, Upgrade\r\n" + SOCKET % b"WebSocket", True),
        (b"GET /ws HTTP/1.1", b"Connection: Upgrade\r\nContent-Length: 0\r\n" + SOCKET % b"websocket", True),
        (b"GET /ws HTTP/1.1", b"Connection: Upgrade\r\nContent-Length: 000\r\n" + SOCKET % b"websocket", True),
        (b"GET /ws HTTP/1.1", b"Connection: Upgrade\r\nTransfer-Encoding: chunked\r\n" + SOCKET % b"websocket", False),
        (b"GET /ws HTTP/1.1", b"Connection: Upgrade\r\n" + SOCKET % b"h2c", False),
        (b"GET /ws HTTP/1.1", b"Connection: close\r\n" + SOCKET % b"websocket", False),
        (b"GET /ws HTTP/1.0", b"Connection: Upgrade\r\n" + SOCKET % b"websocket", False),
        (b"POST /ws HTTP/1.1", b"Connection: Upgrade\r\n" + SOCKET % b"websocket", False),
    ],
    ids=["plain", "two-words", "length-0", "length-000", "chunked", "h2c", "not-nominated", "http-1.0", "post"],
)
def test_a_websocket_is_offered_to_the_app_where_the_client_asks_for_one(up, app, line, headers, upgraded):
    """A length of 0 is no body; other upgrades, versions and methods are plain requests."""
    body = b"0\r\n\r\n" if b"chunked" in headers else b""
    before = len(app.heads)
    with socket.create_connection(("127.0.0.1", up.port), timeout=60) as link:
        link.sendall(b"%s\r\nHost: a\r\n%s\r\n%s" % (line, headers, body))
        assert statuses(link.recv(65_536)) == [200]
    head = app.heads[before].lower()
    assert (b"\r\nupgrade: websocket\r\n" in head and b"\r\nconnection: upgrade\r\n" in head) is upgraded
