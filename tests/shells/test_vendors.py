"""Vendors that misbehave, behind a real `gatekeeper serve`: a clean answer, and a log that says what happened."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import gatekeeper
from gatekeeper.policy import load_policy
from gatekeeper.testing import Simulators
from tests.answering import Port
from tests.shells.serving import SERVER, records_of, serving, write
from tests.shells.test_wire import rss

CALL = "/gk/to/ga4/mp/collect?measurement_id=G-TEST&api_secret=s3cret"
PURCHASE = {"client_id": "1.2", "events": [{"name": "purchase", "params": {"value": 12.5}}]}
GA4 = """
[delivery]
timeout = "{timeout}"
[destinations.ga4]
kind = "ga4"
measurement_id = "G-TEST"
api_secret = "s3cret"
endpoint = "{url}"
"""


class RawVendor:
    """Answers every connection's first request with bytes of the test's choice."""

    def __init__(self):
        self.play = lambda connection: None
        self.requests = []
        self.port = Port(self.serve)
        self.url = self.port.url

    def serve(self, connection):
        got = b""
        while not got.endswith(b"}") and (part := connection.recv(65536)):
            got += part
        self.requests.append(got)
        self.play(connection)

    def answer(self, raw):
        self.play = lambda connection: connection.sendall(raw)


@pytest.fixture(scope="module")
def vendor():
    one = RawVendor()
    yield one
    one.port.close()


@pytest.fixture(scope="module")
def up(tmp_path_factory, vendor):
    with Simulators(only=("first_party",)) as sims:
        more = GA4.format(url=vendor.url, timeout="1s")
        server = SERVER + '\norigins = ["https://shop.example"]'  # whose Referer a server may pass on
        with serving(tmp_path_factory.mktemp("serve"), sims, more=more, server=server) as running:
            yield running


@pytest.fixture(autouse=True)
def _fresh(request, vendor):
    vendor.requests.clear()
    yield
    if "up" in request.fixturenames:
        assert request.getfixturevalue("up").get("/gk/healthz").status_code == 200


def call(up, **headers):
    policy = load_policy(up.folder / "gatekeeper.toml")
    cookie = gatekeeper.issue_consent(config=policy, analytics=True).partition(";")[0]
    return httpx.post(up.url + CALL, json=PURCHASE, headers={"Cookie": cookie} | headers, trust_env=False, timeout=60)


def outcome(up):
    """Status and reason of the newest outcome, once it is written; its decision came first."""
    found = []

    def ended():
        lines = list(records_of(up))
        newest = [line for line in lines if line["kind"] == "decision"][-1]
        found[:] = [line for line in lines if newest["request_id"] in line.get("request_ids", ())]
        return found

    up.wait(ended)
    return found[0]["status"], found[0]["reason"]


OK = b"HTTP/1.1 204 No Content\r\n\r\n"
GARBAGE = {
    "nothing": b"",
    "no HTTP": b"hello\r\n\r\n",
    "HTML": b"<html><body>502</body></html>",
    "half a status line": b"HTTP/1.1 2",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Type: a",
    "status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "status of letters": b"HTTP/1.1 abc OK\r\n\r\n",
    "HTTP/3": b"HTTP/3.0 200 OK\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length of letters": b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab",
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nab",
    "body too short": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab",
    "chunk of letters": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "chunks without end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
    "huge chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nab\r\n",
    "a header with NUL": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
    "a head of 2 MB": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 2_000_000 + b"\r\n\r\n",
    "5,000 headers": b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 5000 + b"\r\n",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_a_502(up, vendor, name):
    """The caller gets a problem of ours, not a byte of it; the fate is unknown, since the request had left."""
    vendor.answer(GARBAGE[name])
    answer = call(up)
    assert answer.status_code == 502 and answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["gatekeeper-decision"] == "sent; elements=1/1"
    assert outcome(up) == ("failed", "unknown")
    assert len(vendor.requests) == 1


GO = b"HTTP/1.1 204 No Content\r\n"
POUR = b"HTTP/1.1 200 OK\r\n"
SPLIT = {
    "two answers": OK + b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 4\r\n\r\nevil",
    "an answer in a header": b"HTTP/1.1 204 No Content\r\nX: a\rSet-Cookie: c=d\r\n\r\n",
    "length and chunks": POUR + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nevil",
    "more than its length": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 evil\r\n\r\n",
    "a trailer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nSet-Cookie: a=b\r\n\r\n",
    "100 times 100": b"HTTP/1.1 100 Continue\r\n\r\n" * 100 + OK,
    "early hints": b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nSet-Cookie: a=b\r\n\r\n" + OK,
    "a switch nobody asked for": b"HTTP/1.1 101 Switch\r\nUpgrade: evil\r\nConnection: upgrade\r\n\r\nevil",
    "hop by hop": GO + b"Connection: X-A\r\nX-A: b\r\nKeep-Alive: timeout=9\r\nProxy-Authenticate: x\r\n\r\n",
    "CORS of its own": GO + b"Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\n\r\n",
    "a cookie, a policy and a server": GO + b"Set-Cookie: a=b\r\nContent-Security-Policy: x\r\nServer: y\r\n"
    b"Strict-Transport-Security: max-age=1\r\nClear-Site-Data: \"*\"\r\nRefresh: 0; url=http://evil/\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", SPLIT)
def test_nothing_of_an_answer_gets_through_but_what_is_known(up, vendor, name):
    """One answer for one call, with our own framing, and only headers that a caller needs."""
    vendor.answer(SPLIT[name])
    answer = call(up)
    known = {"content-length", "content-type", "date", "cache-control", "gatekeeper-decision"}
    assert set(answer.headers) <= known, answer.headers
    assert answer.status_code in (200, 204, 502) and b"evil" not in answer.content
    vendor.answer(OK)
    again = call(up)
    assert (again.status_code, again.content) == (204, b"")


def test_a_redirect_is_not_followed(up, vendor):
    """Wherever it leads; the caller does not learn where."""
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.setblocking(False)
        for status in (301, 302, 303, 307, 308):
            location = f"http://127.0.0.1:{canary.getsockname()[1]}/"
            vendor.answer(f"HTTP/1.1 {status} Go\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
            answer = call(up)
            assert answer.status_code == status and "location" not in answer.headers
            assert outcome(up) == ("failed", f"http_{status}")
        with pytest.raises(BlockingIOError):
            canary.accept()


def test_a_vendor_that_never_answers_is_a_504(up, vendor):
    """Whether it is silent, or drips a byte at a time."""
    for first in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\na"):
        stop = threading.Event()

        def hang(connection, first=first, stop=stop):
            connection.sendall(first)
            stop.wait(10)

        vendor.play = hang
        answer = call(up)
        stop.set()
        assert answer.status_code == 504 and outcome(up) == ("failed", "unknown")


def test_a_vendor_that_resets_is_a_502(up, vendor):
    """In the middle of its answer, too."""
    for first in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\na"):

        def reset(connection, first=first):
            connection.sendall(first)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

        vendor.play = reset
        assert call(up).status_code == 502 and outcome(up) == ("failed", "unknown")


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 1073741824\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n", b"\r\n"]
)
def test_a_gigabyte_of_answer_is_cut_off(up, vendor, framing):
    """The vendor is hung up on after 4 MiB; the process does not grow by it."""
    sent = []

    def pour(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + framing)
        piece = b"x" * 2**20
        if b"chunked" in framing:
            piece = b"100000\r\n" + piece + b"\r\n"
        with contextlib.suppress(OSError):
            for _ in range(1024):
                connection.sendall(piece)
                sent.append(2**20)

    vendor.play = pour
    before = rss(up.process.pid)
    answer = call(up)
    assert answer.status_code == 502 and outcome(up) == ("failed", "answer_too_large")
    assert rss(up.process.pid) - before < 64 * 2**20
    assert sum(sent) < 64 * 2**20


def test_a_compressed_answer_is_not_opened(up, vendor):
    """It is not asked for; one that comes all the same is passed on as the bytes it is, unnamed."""
    import gzip

    body = gzip.compress(b"x" * 10_000_000)
    vendor.answer(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    answer = call(up)
    assert answer.status_code in (200, 204) and len(answer.content) < 100_000
    assert b"accept-encoding" not in vendor.requests[0].lower()


def test_a_vendor_that_is_down_is_a_502_and_nothing_was_sent(tmp_path):
    """Also where the environment names a proxy that would take it."""
    with socket.create_server(("127.0.0.1", 0)) as canary, Simulators(only=("first_party",)) as sims:
        canary.setblocking(False)
        with socket.create_server(("127.0.0.1", 0)) as closed:
            url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        proxy = f"http://127.0.0.1:{canary.getsockname()[1]}"
        environ = dict.fromkeys(("http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"), proxy)
        with serving(tmp_path, sims, more=GA4.format(url=url, timeout="2s"), environ=environ) as up:
            answer = call(up)
            assert answer.status_code == 502 and outcome(up) == ("failed", "unreachable")
        with pytest.raises(BlockingIOError):
            canary.accept()


def certificate(folder):
    """A TLS server's context for 127.0.0.1 whose certificate nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "vendor.pem").write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "vendor.pem")
    return context


def test_a_vendor_that_cannot_prove_who_it_is_gets_nothing(tmp_path):
    """A certificate that nobody trusts: 502, `unreachable`, and not a byte of the request."""
    got, context = [], certificate(tmp_path)

    def impostor(listener):
        link, _ = listener.accept()
        with link, contextlib.suppress(OSError), context.wrap_socket(link, server_side=True) as tls:
            got.append(tls.recv(65536))

    with socket.create_server(("127.0.0.1", 0)) as listener, Simulators(only=("first_party",)) as sims:
        thread = threading.Thread(target=impostor, args=(listener,))
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with serving(tmp_path, sims, more=GA4.format(url=url, timeout="2s")) as up:
            answer = call(up)
            assert answer.status_code == 502 and outcome(up) == ("failed", "unreachable")
        thread.join(10)
    assert not thread.is_alive() and got in ([], [b""])


HOP_BY_HOP = {
    "Connection": "keep-alive, X-Mine", "X-Mine": "1", "Keep-Alive": "timeout=5", "Proxy-Authorization": "Basic abc",
    "TE": "trailers", "Trailer": "X-T", "Proxy-Connection": "keep-alive", "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Host": "evil.example", "Forwarded": "for=203.0.113.7", "X-Real-IP": "203.0.113.7", "Via": "1.1 evil",
    "Sec-GPC": "0", "X-Custom": "canary-custom", "Referer": "https://shop.example/?email=canary@x.de",
    "Accept-Language": "de", "Cookie2": "a=b", "X-HTTP-Method-Override": "DELETE", "Accept-Encoding": "gzip",
}  # fmt: skip


def test_of_the_callers_headers_only_known_ones_go_on(up, vendor):
    """The request is built: nothing hop by hop, nothing nominated, no cookie, no address, no context."""
    vendor.answer(OK)
    assert call(up, **HOP_BY_HOP).status_code == 204
    (raw,) = vendor.requests
    head = raw.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    names = {line.partition(":")[0].lower() for line in head[1:]}
    assert names <= {"host", "content-type", "content-length", "user-agent", "accept", "referer"}, (
        names
    )  # the last is a field, and clean
    assert b"203.0.113.7" not in raw and b"canary" not in raw and b"gatekeeper_consent" not in raw


def test_calls_are_counted(up, vendor):
    """By what was decided, for whoever watches."""
    vendor.answer(OK)
    call(up)
    httpx.post(up.url + CALL, json=PURCHASE, trust_env=False)
    text = up.get("/gk/metrics").text
    for decision in ("sent", "no_analytics_consent"):
        assert f'gatekeeper_calls_total{{decision="{decision}",destination="ga4"}}' in text


def test_a_reload_holds_for_calls(tmp_path, vendor):
    """The destination's new address, another timeout and a removed destination count from the next call on."""
    import signal

    with Simulators(only=("first_party", "ga4")) as sims:
        more = GA4.format(url=vendor.url, timeout="1s")
        with serving(tmp_path, sims, more=more) as up:
            vendor.answer(OK)
            assert call(up).status_code == 204 and len(vendor.requests) == 1
            write(tmp_path, sims, more=GA4.format(url=sims.ga4.url, timeout="2s"), version="2", server=SERVER)
            up.kill(up.process.pid, signal.SIGHUP)
            up.wait(lambda: call(up).status_code == 204 and sims.ga4.received)
            before = len(vendor.requests)
            assert call(up).status_code == 204 and len(vendor.requests) == before
            write(tmp_path, sims, version="3")
            up.kill(up.process.pid, signal.SIGHUP)
            up.wait(lambda: call(up).status_code == 404)
