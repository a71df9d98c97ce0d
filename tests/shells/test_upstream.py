"""`gatekeeper serve --app-upstream`: a real app behind a real sidecar; what is not ours streams through as it is."""

import hashlib
import http.client
import json
import socket
import threading
import time
from contextlib import ExitStack

import httpx
import pytest
import websockets.exceptions
from websockets.sync.client import connect as connect_socket
from websockets.sync.server import serve as serve_socket

import gatekeeper
from gatekeeper import context
from gatekeeper.model import Purpose
from gatekeeper.policy import load_policy
from gatekeeper.policy.load import parse_policy
from gatekeeper.runtime import Runtime
from gatekeeper.testing import Simulators
from tests.shells.app_behind import PIECE, app_behind
from tests.shells.serving import SERVER, serving
from tests.shells.test_wire import exchange, rss, statuses


@pytest.fixture(scope="module")
def sims():
    with Simulators(only=("first_party",)) as running:
        yield running


@pytest.fixture(scope="module")
def app():
    with app_behind() as server:
        yield server


@pytest.fixture(scope="module")
def up(tmp_path_factory, sims, app):
    with serving(tmp_path_factory.mktemp("serve"), sims, options=("--app-upstream", app.url)) as running:
        running.http = httpx.Client(base_url=running.url, trust_env=False, timeout=60)
        with running.http:
            yield running


@pytest.fixture(autouse=True)
def _healthy(up):
    yield
    assert up.get("/gk/healthz").status_code == 200


def seen(answer):
    """What the app says it was asked: request line, and headers by lower-case name."""
    said = answer.json()
    return said["line"], {name.lower(): value for name, value in said["headers"]}


def test_what_is_ours_stays_ours_and_the_rest_is_the_apps(up):
    """The prefix and the GPC resource; not what merely begins like it."""
    assert up.http.get("/gk/healthz").json() == {"status": "ok"}
    assert up.http.get("/gk/nothing").headers["content-type"] == "application/problem+json"
    assert up.http.get("/.well-known/gpc.json").json()["gpc"] is True
    for path in ("/", "/gk", "/gkk/healthz", "/.well-known/other", "/a/gk/healthz"):
        assert seen(up.http.get(path))[0] == f"GET {path} HTTP/1.1"


@pytest.mark.parametrize(
    "target",
    ["/a?", "/a?b=c&b=%41&d", "/%41/%2F/b%20c", "/a//b", "/a/../b", "/a;b=c", "/'(x)!*|{}\"^`", "//a/b", "/a?x=/../y"],
)
def test_the_target_arrives_byte_for_byte(up, target):
    """Signed URLs must survive."""
    raw = exchange(up, f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    body = raw.partition(b"\r\n\r\n")[2]
    assert json.loads(body)["line"] == f"GET {target} HTTP/1.1"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods_and_bodies_arrive(up, method):
    """By length or in chunks."""
    body = b"\0\xff" * 1000
    for content in (body, iter([body[:700], body[700:]])):
        said = up.http.request(method, "/x", content=content).json()
        assert said["line"] == f"{method} /x HTTP/1.1"
        assert (said["size"], said["sha256"]) == (2000, hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize("written", [b"5 ", b"5\t", b" 5 \t "], ids=["blank", "tab", "both"])
def test_white_space_around_a_length_is_none_of_it(up, written):
    """RFC 9110 section 5.5: it is no part of the value."""
    head = b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %b\r\n\r\nhello" % written
    assert json.loads(exchange(up, head).partition(b"\r\n\r\n")[2])["size"] == 5


def test_headers_arrive_but_for_the_connections_own(up):
    """Hop-by-hop ones and those that `Connection` nominates are dropped, on both ways; duplicates are kept."""
    sent = {"Cookie": "a=b", "X-Mine": "1", "Connection": "X-Hop, Cookie2", "X-Hop": "1", "TE": "trailers",
            "Keep-Alive": "timeout=1", "Proxy-Authorization": "Basic x", "Authorization": "Bearer apps-own",
            "Accept-Encoding": "br", "X-Under_score": "1"}  # fmt: skip
    _, headers = seen(up.http.get("/x", headers=sent))
    assert headers["cookie"] == "a=b" and headers["x-mine"] == "1" and headers["authorization"] == "Bearer apps-own"
    assert headers["host"] == up.url.removeprefix("http://") and headers["accept-encoding"] == "br"
    gone = {"x-hop", "te", "keep-alive", "proxy-authorization", "connection", "x-under_score"}
    assert not gone & set(headers)
    with up.http.stream("GET", "/cookies") as answer:
        assert b"".join(answer.iter_raw()) == b"\x1f\x8bnot really"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.headers.get_list("date") == ["Mon, 01 Jan 2024 00:00:00 GMT"]
    assert answer.headers["server"] == "app" and not {"x-hop", "keep-alive"} & set(answer.headers)


def test_a_body_in_a_coding_is_not_opened(up):
    """The app's bytes are the client's."""
    raw = exchange(up, b"GET /cookies HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert raw.endswith(b"\r\n\r\n\x1f\x8bnot really") and b"content-encoding: gzip" in raw


def test_the_app_learns_who_asked_and_a_client_cannot_lie_about_it(up):
    """X-Forwarded-* are the gate's unless a trusted proxy sent them."""
    lies = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example",
            "Forwarded": "for=203.0.113.7", "X-Real-IP": "203.0.113.7", "X-Forwarded-Prefix": "/evil"}  # fmt: skip
    _, headers = seen(up.http.get("/x", headers=lies))
    assert headers["x-forwarded-for"] == "127.0.0.1" and headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-host"] == up.url.removeprefix("http://")
    assert not {"forwarded", "x-real-ip", "x-forwarded-prefix"} & set(headers)


def test_a_trusted_proxy_is_believed_and_appended_to(tmp_path, sims, app):
    """`[server] trusted_proxies`, and `app_upstream` out of the policy."""
    server = f'{SERVER}\ntrusted_proxies = ["127.0.0.1"]\napp_upstream = "{app.url}"'
    with serving(tmp_path, sims, server=server) as up:
        said = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example"}
        _, headers = seen(httpx.get(up.url + "/x", headers=said, trust_env=False))
        assert headers["x-forwarded-for"] == "203.0.113.7, 127.0.0.1"
        assert (headers["x-forwarded-proto"], headers["x-forwarded-host"]) == ("https", "shop.example")


def test_the_app_gets_the_visitors_context_and_never_a_clients_own(up, tmp_path):
    """What it passes on is believed: the visitor's choice counts for the app's own calls."""
    policy = load_policy(up.folder / "gatekeeper.toml")
    cookie = gatekeeper.issue_consent(config=policy, analytics=True).partition(";")[0]
    forged = {"Gatekeeper-Context": "forged", "Gatekeeper_Context": "forged"}
    _, headers = seen(up.http.get("/x", headers={"Cookie": cookie} | forged))
    token = headers["gatekeeper-context"]
    assert token != "forged" and "gatekeeper_context" not in headers
    runtime = Runtime(policy)
    try:
        visitor = runtime.gate.visitor(token, runtime.gate.clock())
        assert [str(signal.says.get(Purpose.ANALYTICS)) for signal in visitor.signals] == ["granted"]
        with_token = up.http.post("/gk/to/own/x", headers={"Gatekeeper-Context": token})
        assert "gatekeeper-decision" in with_token.headers
    finally:
        runtime.close()
    assert context.current.get() is None


def test_an_honoured_opt_out_is_shown_on_the_apps_answers(up):
    """As the middleware does."""
    assert up.http.get("/x", headers={"Sec-GPC": "1"}).headers["gatekeeper-opt-out"] == "honoured; signal=sec-gpc"
    assert "gatekeeper-opt-out" not in up.http.get("/x").headers


def test_server_sent_events_arrive_one_by_one(up, app):
    """The first is there before the second is made; the trailer is dropped."""
    with up.http.stream("GET", "/stream") as answer:
        parts = answer.iter_raw()
        for n in range(3):
            assert next(parts) == f"data: {n}\n\n".encode()
            app.turns.release()
        assert list(parts) == []
    raw = exchange_stream(up, app)
    assert b"canary" not in raw.lower() and b"x-trailer" not in raw.lower() and raw.endswith(b"0\r\n\r\n")


def exchange_stream(up, app):
    for _ in range(3):
        app.turns.release()
    return exchange(up, b"GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")


def test_a_client_that_leaves_ends_the_apps_work(up, app):
    """An event stream without a reader is not read on."""
    app.left.clear()
    with up.http.stream("GET", "/endless") as answer:
        next(answer.iter_raw())
    assert app.left.wait(5)


def test_a_client_that_does_not_read_holds_the_app_back(up, app):
    """Back-pressure: what the app may pour in is bounded, and so is the gate's memory."""
    app.left.clear()
    app.poured = 0
    before = rss(up.process.pid)
    with socket.create_connection(("127.0.0.1", up.port)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        deaf.sendall(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
        poured = -1
        deadline = time.monotonic() + 60
        while app.poured != poured:
            assert time.monotonic() < deadline
            poured = app.poured
            time.sleep(0.3)  # has it stopped? there is nothing to wait for where nothing happens
        assert poured < 64 * 2**20
        assert rss(up.process.pid) - before < 32 * 2**20
    assert app.left.wait(5)


MANY = 3200  # pieces of 64 KiB: 200 MiB


def test_large_files_pass_in_both_directions_in_little_memory(up):
    """200 MiB down, 200 MiB up by length and in chunks; the process grows by less than 32 MiB."""
    peak = Peak(up.process.pid)
    digest = hashlib.sha256()
    with peak:
        with up.http.stream("GET", f"/large?n={MANY}") as answer:
            assert answer.headers["content-length"] == str(MANY * len(PIECE))
            for part in answer.iter_raw():
                digest.update(part)
        expected = hashlib.sha256(PIECE * MANY).hexdigest()
        assert digest.hexdigest() == expected
        for length in (True, False):
            connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=60)
            headers = {"Content-Length": str(MANY * len(PIECE))} if length else {"Transfer-Encoding": "chunked"}
            connection.request(
                "POST", "/up", body=(PIECE for _ in range(MANY)), headers=headers, encode_chunked=not length
            )
            said = json.loads(connection.getresponse().read())
            connection.close()
            assert (said["size"], said["sha256"]) == (MANY * len(PIECE), expected)
    assert peak.grown < 32 * 2**20


class Peak:
    """How much a process grew at most, looked at every 20 ms."""

    def __init__(self, pid):
        self.pid, self.grown, self.stop = pid, 0, threading.Event()
        self.before = rss(pid)
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.wait(0.02):
            self.grown = max(self.grown, rss(self.pid) - self.before)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *error):
        self.stop.set()
        self.thread.join()


def test_answers_without_a_body_keep_their_headers(up):
    """HEAD with its length, 304 with its tag; the connection goes on."""
    answer = up.http.head("/large?n=2")
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, str(2 * len(PIECE)), b"")
    answer = up.http.get("/unmodified")
    assert (answer.status_code, answer.headers["etag"], answer.content) == (304, '"x"', b"")
    assert up.http.get("/x").status_code == 200


def test_answers_of_all_framings_arrive(up):
    """HTTP/1.0 without a length, and interim answers before the real one."""
    assert up.http.get("/old").text == "old"
    assert up.http.get("/hints").text == "hinted"
    early = exchange(up, b"GET /hints HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert early.startswith(b"HTTP/1.1 200") and b"preload" not in early


def test_expect_100_is_answered_by_the_gate(up):
    """And the body goes through."""
    with socket.create_connection(("127.0.0.1", up.port), timeout=60) as one:
        one.sendall(
            b"POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"
        )
        assert one.recv(100).startswith(b"HTTP/1.1 100")
        one.sendall(b"abc")
        got = b""
        while part := one.recv(65536):
            got += part
    assert statuses(got) == [200] and b'"size": 3' in got and b"expect" not in got.lower()


def test_an_answer_that_breaks_off_is_seen_to_break_off(up):
    """Not passed off as whole."""
    with pytest.raises(httpx.RemoteProtocolError):
        up.http.get("/broken")


def test_an_app_that_answers_before_it_was_asked_everything(up):
    """Its answer arrives; the rest of the body goes nowhere."""
    connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=60)
    connection.putrequest("POST", "/refuse")
    connection.putheader("Content-Length", "1000000")
    connection.endheaders()
    connection.send(b"x" * 1000)
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize("path", ["/garbage", "/hang-up"])
def test_an_app_that_gives_no_answer_is_a_502(up, path):
    """A problem document; for a repeatable request a connection that was closed meanwhile is tried anew, once."""
    answer = up.http.get(path)
    assert answer.status_code == 502 and answer.headers["content-type"] == "application/problem+json"
    assert up.http.post(path, content=b"x").status_code == 502


def test_connections_to_the_app_are_used_again(up):
    """One after the other."""
    used = {up.http.get("/x").json()["connection"] for _ in range(5)}
    assert len(used) <= 2  # the client can be faster than we with putting it back


def test_an_app_that_is_down_is_a_502_and_the_gate_still_works(tmp_path, sims):
    """Consent and events do not depend on the app."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with serving(tmp_path, sims, options=("--app-upstream", url)) as up:
        answer = httpx.get(up.url + "/x", trust_env=False)
        assert answer.status_code == 502 and answer.json()["title"] == "the app behind this gate cannot be reached"
        assert up.post().status_code == 202
        with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
            connect_socket(f"ws://127.0.0.1:{up.port}/ws", proxy=None)
        assert refused.value.response.status_code == 502


@pytest.mark.parametrize("url", ["ftp://a", "http://a/b", "http://", "a:80", "http://a?b", "http://u@a"])
def test_an_upstream_that_is_no_origin_is_a_config_error(url):
    """At start, by name."""
    from gatekeeper.errors import ConfigError
    from gatekeeper.shells.server.sidecar import app_target
    from tests.builders import policy_data

    with pytest.raises(ConfigError, match="is not an origin"):
        app_target(parse_policy(policy_data(), environ={}), url)


@pytest.fixture(scope="module")
def sockets():
    """A websocket app: echoes, says its headers, closes as told."""

    def talk(connection):
        if connection.request.path == "/headers":
            connection.send(
                "\n".join(f"{name.lower()}: {value}" for name, value in connection.request.headers.raw_items())
            )
            return
        for message in connection:
            if message == "close":
                connection.close(4321, "as told")
                return
            connection.send(message)

    def refuse(connection, request):
        return connection.respond(403, "not you") if request.path == "/refused" else None

    server = serve_socket(talk, "127.0.0.1", 0, subprotocols=["chat"], process_request=refuse, max_size=2**25)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def tunnelled(tmp_path_factory, sims, sockets):
    with serving(tmp_path_factory.mktemp("sockets"), sims, options=("--app-upstream", sockets)) as running:
        yield running


def socket_to(up, path, **more):
    address = f"ws://127.0.0.1:{up.port}{path}"
    return connect_socket(address, proxy=None, max_size=2**25, subprotocols=["chat"], **more)


def test_websockets_talk_through_the_gate(tunnelled):
    """Text, bytes, 8 MiB at once, pings, subprotocol, compression, and the app's own close code."""
    with socket_to(tunnelled, "/echo?x=1") as one:
        assert one.subprotocol == "chat" and one.protocol.extensions
        for message in ("hallo", b"\0\xff", "", "x" * 2**23):
            one.send(message)
            assert one.recv(10) == message
        assert one.ping().wait(5)
        one.send("close")
        with pytest.raises(websockets.exceptions.ConnectionClosed):
            one.recv(5)
        assert (one.close_code, one.close_reason) == (4321, "as told")


def test_a_websockets_app_gets_the_context_too(tunnelled):
    """And who asked; a client's own context is removed."""
    lies = {"Gatekeeper-Context": "forged", "X-Forwarded-For": "203.0.113.7"}
    with socket_to(tunnelled, "/headers", additional_headers=lies) as one:
        headers = dict(line.split(": ", 1) for line in one.recv(5).splitlines())
    assert headers["x-forwarded-for"] == "127.0.0.1" and headers["gatekeeper-context"] != "forged"
    assert headers["gatekeeper-context"].count(".") == 2


def test_a_websocket_that_the_app_refuses_opens_no_tunnel(tunnelled):
    """Its answer arrives, and what the client sends behind its request reaches nobody."""
    with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
        socket_to(tunnelled, "/refused")
    assert (refused.value.response.status_code, refused.value.response.body) == (403, b"not you")
    raw = exchange(
        tunnelled,
        b"GET /refused HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        b"GET /headers HTTP/1.1\r\nHost: a\r\n\r\n",
    )
    assert statuses(raw) == [403] and b"connection: close" in raw


def test_no_websocket_to_the_gate_itself(tunnelled):
    """Its endpoints answer as ever."""
    with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
        socket_to(tunnelled, "/gk/healthz")
    assert refused.value.response.status_code == 200


def test_ten_websockets_at_once_and_a_stop_that_ends_them(tmp_path, sims, sockets):
    """SIGTERM does not wait for them."""
    with serving(tmp_path, sims, options=("--app-upstream", sockets)) as up, ExitStack() as held:
        many = [held.enter_context(socket_to(up, "/echo")) for _ in range(10)]
        for n, one in enumerate(many):
            one.send(str(n))
        assert [one.recv(5) for one in many] == [str(n) for n in range(10)]
        started = time.monotonic()
        assert up.stop() == 0 and time.monotonic() - started < 10
        for one in many:
            with pytest.raises(websockets.exceptions.ConnectionClosed):
                one.recv(5)
