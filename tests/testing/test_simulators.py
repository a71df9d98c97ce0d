"""The simulators as their users see them: starting, recording, waiting, misbehaving on request, closing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

import gatekeeper.testing
from gatekeeper.testing import Simulator, Simulators

NAMES = ("ga4", "meta_capi", "google_ads", "tiktok", "sentry", "first_party", "http_json", "deletions")


def connect(sim: Simulator) -> socket.socket:
    """A bare connection to a simulator."""
    port = int(sim.url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def read_all(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def post(path: str = "/", body: bytes = b"{}", *headers: bytes) -> bytes:
    """A POST as raw bytes."""
    lines = [b"POST %s HTTP/1.1" % path.encode(), b"Host: x", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join([*lines, b"", body])


def test_the_public_names_are_sorted_and_there() -> None:
    """`__all__` is what the documentation promises."""
    names = ["Blocked", "HashingVector", "Problem", "Received", "Sent", "Simulator", "Simulators", "TrialGate"]
    names.append("hashing_vectors")
    assert gatekeeper.testing.__all__ == names
    assert all(hasattr(gatekeeper.testing, name) for name in gatekeeper.testing.__all__)


def test_simulators_have_names_in_a_fixed_order(sims: Simulators) -> None:
    """By attribute, by key and by iteration they are the same ones, each on its own port."""
    assert sims.names == NAMES
    assert tuple(sim.kind for sim in sims) == NAMES
    assert sims.ga4 is sims["ga4"]
    assert len({sim.url for sim in sims}) == len(sims) == len(NAMES)
    assert set(NAMES) <= set(dir(sims))


def test_only_some_are_started() -> None:
    """The others do not exist."""
    with Simulators(only=("tiktok", "ga4")) as sims:
        assert sims.names == ("ga4", "tiktok")
        with pytest.raises(AttributeError, match="has no 'sentry'"):
            _ = sims.sentry
        with pytest.raises(KeyError):
            _ = sims["sentry"]


@pytest.mark.parametrize("arguments", [{"only": ("ga5",)}, {"ports": {"ga5": 1}}], ids=["only", "ports"])
def test_an_unknown_name_is_an_error_that_lists_the_known(arguments: dict) -> None:
    """A typing mistake does not start something else."""
    with pytest.raises(ValueError, match="'ga5' is not a simulator; there are deletions, first_party, ga4"):
        Simulators(**arguments)


def test_a_port_can_be_given_and_a_taken_one_is_an_error() -> None:
    """A fixed port is for demos; if it is taken, nothing is left running."""
    with Simulators(only=("ga4",)) as running:
        port = int(running.ga4.url.rpartition(":")[2])
        before = set(threading.enumerate())
        with pytest.raises(OSError, match="address"), Simulators(ports={"ga4": port}):
            pass
        assert not {*threading.enumerate()} - before
    with Simulators(only=("ga4",), ports={"ga4": port}) as again:
        assert again.ga4.url == f"http://127.0.0.1:{port}"


def test_a_url_before_the_start_is_an_error_that_says_how() -> None:
    """No silent empty endpoint."""
    with pytest.raises(RuntimeError, match="with Simulators"):
        _ = Simulators().ga4.url


def test_starting_twice_is_an_error(sims: Simulators) -> None:
    """One set of simulators runs once at a time."""
    with pytest.raises(RuntimeError, match="running already"):
        sims.__enter__()


def test_what_was_received_can_be_read_after_the_end_and_started_anew() -> None:
    """Assertions may stand outside of the with block."""
    sims = Simulators(only=("http_json",))
    for count in (1, 2):
        with sims:
            httpx.post(sims.http_json.url, json={})
        assert len(sims.http_json.received) == count


def test_every_byte_is_kept(sims: Simulators) -> None:
    """Request line, headers and body, exactly as they were on the wire."""
    body = gzip.compress(b'{"event": "x"}')
    raw = post("/a%20b?c=%2B&c=d", body, b"content-encoding: gzip", b"X-A: 1", b"x-a:2")
    with connect(sims.http_json) as connection:
        connection.sendall(raw)
        [request] = sims.http_json.wait(1)
    assert request.raw == raw
    assert request.body == body
    assert request.target == "/a%20b?c=%2B&c=d"
    assert (request.path, request.query) == ("/a b", {"c": ["+", "d"]})
    assert request.headers[2:] == (("content-encoding", "gzip"), ("X-A", "1"), ("x-a", "2"))
    assert (request.header("X-A"), request.header("nope")) == ("1", None)
    assert request.json == {"event": "x"}


def test_two_requests_go_over_one_connection(sims: Simulators) -> None:
    """Keep-alive, also pipelined: two answers, two requests, in order."""
    with connect(sims.http_json) as connection:
        connection.sendall(post("/1") + post("/2", b"{}", b"Connection: close"))
        answers = read_all(connection)
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert [request.path for request in sims.http_json.received] == ["/1", "/2"]


def test_a_chunked_upload_is_put_together(sims: Simulators) -> None:
    """httpx sends an iterator in chunks; the raw bytes show them, the body does not."""

    def parts() -> Iterator[bytes]:
        yield b'{"event":'
        yield b' "x"}'

    httpx.post(sims.http_json.url, content=parts())
    [request] = sims.http_json.received
    assert request.header("transfer-encoding") == "chunked"
    assert request.body == b'{"event": "x"}'
    assert request.raw.endswith(b'9\r\n{"event":\r\n5\r\n "x"}\r\n0\r\n\r\n')


def test_a_client_that_asks_first_is_told_to_go_on(sims: Simulators) -> None:
    """`Expect: 100-continue` gets its interim answer before the body."""
    head, _, body = post("/", b"{}", b"Expect: 100-continue").partition(b"\r\n\r\n")
    with connect(sims.http_json) as connection:
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")


def test_head_and_204_have_no_body(sims: Simulators) -> None:
    """A response body where none may be would be taken for the next response."""
    sims.http_json.answer(200, b"body")
    sims.http_json.answer(204, b"body")
    with connect(sims.http_json) as connection:
        connection.sendall(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" + post("/", b"{}", b"Connection: close"))
        answers = read_all(connection)
    assert b"body" not in answers
    assert b"Content-Length: 4\r\n" in answers


def test_a_request_that_breaks_off_is_kept(sims: Simulators) -> None:
    """Bytes that left the house count, even if the request was never finished."""
    half = post("/", b'{"email": "')[:-3]
    with connect(sims.http_json) as connection:
        connection.sendall(half)
    [request] = sims.http_json.wait(1)
    assert request.raw == half
    assert request.events == ()
    assert [problem.rule for problem in request.problems] == ["the connection ended within the request"]


def test_a_request_that_is_reset_is_kept(sims: Simulators) -> None:
    """As above, by a client that dies instead of closing."""
    half = post("/", b"x" * 100)[:-1]
    with connect(sims.http_json) as connection:
        connection.sendall(post("/first") + half)
        sims.http_json.wait(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    _, request = sims.http_json.wait(2)
    assert request.errors[0].rule == "the connection ended within the request"


def test_a_request_that_is_not_http_is_answered_and_kept(sims: Simulators) -> None:
    """400 and the end of the connection, even with more input on the way."""
    with connect(sims.http_json) as connection:
        connection.sendall(b"HELLO\r\n\r\n" + b"x" * 100_000)
        connection.shutdown(socket.SHUT_WR)
        answer = read_all(connection)
    [request] = sims.http_json.wait(1)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert request.raw.startswith(b"HELLO\r\n\r\n")
    assert [problem.source for problem in request.problems] == ["RFC 9112"]


def test_reprs_and_messages_show_no_value(sims: Simulators) -> None:
    """What a failing test prints may end up in a public log."""
    sims.ga4.delay(0)
    httpx.post(
        f"{sims.ga4.url}/mp/collect?api_secret=hush&e=jane@example.com",
        json={"jane@example.com": "hush", "client_id": "hush", "events": [{"name": "hush hush"}]},
        headers={"Authorization": "Bearer hush"},
    )
    [request] = sims.ga4.received
    shown = [repr(request), repr(sims.ga4), *map(str, request.problems)]
    with pytest.raises(TimeoutError) as caught:
        sims.ga4.wait(2, timeout=0)
    shown.append(str(caught.value))
    assert shown[-1] == "ga4: 1 of 2 requests arrived within 0 s"
    assert request.problems
    assert not [text for text in shown if "hush" in text or "jane" in text]


def test_wait_returns_as_soon_as_enough_arrived(sims: Simulators) -> None:
    """It blocks until then, and returns everything there is."""
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(sims.http_json.wait, 2, 5)
        httpx.post(sims.http_json.url, json={"n": 1})
        assert not waiting.done()
        httpx.post(sims.http_json.url, json={"n": 2})
        assert [request.json for request in waiting.result(5)] == [{"n": 1}, {"n": 2}]


async def test_async_wait_leaves_the_callers_loop_running(sims: Simulators) -> None:
    """The client and the waiting run on one loop, the simulators on theirs."""
    async with httpx.AsyncClient() as client, asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(sims.http_json.async_wait(2, timeout=5))
        for _ in range(2):
            await client.post(sims.http_json.url, json={})
        assert len(await waiting) == 2
    assert sims.http_json.received == await sims.http_json.async_wait(0)


async def test_async_wait_gives_up_too(sims: Simulators) -> None:
    """With the message of `wait`."""
    with pytest.raises(TimeoutError, match=r"^tiktok: 0 of 1 requests arrived within 0.01 s$"):
        await sims.tiktok.async_wait(1, timeout=0.01)


def test_clear_forgets_requests_and_plans(sims: Simulators) -> None:
    """As if just started; `received` is a snapshot that does not change."""
    httpx.post(sims.http_json.url, json={})
    before = sims.http_json.received
    sims.http_json.answer(500, times=5)
    sims.http_json.delay(60)
    sims.clear()
    assert sims.http_json.received == ()
    assert len(before) == 1
    assert httpx.post(sims.http_json.url, json={}).status_code == 200


def test_an_answer_is_given_so_many_times_and_then_the_vendors_own(sims: Simulators) -> None:
    """The requests are recorded all the same; plans queue up."""
    sims.ga4.answer(503, b"later", {"Retry-After": "7"}, times=2)
    sims.ga4.answer(429)
    responses = [httpx.post(f"{sims.ga4.url}/mp/collect") for _ in range(4)]
    assert [response.status_code for response in responses] == [503, 503, 429, 204]
    assert (responses[0].text, responses[0].headers["retry-after"]) == ("later", "7")
    assert len(sims.ga4.received) == 4


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        pytest.param(lambda sim: sim.answer(99), "status: 99", id="status"),
        pytest.param(lambda sim: sim.answer(200, times=0), "times: 0", id="times"),
        pytest.param(lambda sim: sim.answer(200, headers={"a": "b\r\nc: d"}), "headers: 'a'", id="header"),
        pytest.param(lambda sim: sim.answer(200, headers={"Content-Length": "1"}), "headers: 'Con", id="length"),
        pytest.param(lambda sim: sim.hang(times=-1), "times: -1", id="hang"),
        pytest.param(lambda sim: sim.delay(-1), "seconds: -1", id="delay"),
    ],
)
def test_a_plan_that_makes_no_sense_is_an_error(sims: Simulators, plan: object, message: str) -> None:
    """At the line that makes it, not in the connection that would have used it."""
    with pytest.raises(ValueError, match=message):
        plan(sims.ga4)


def test_a_delay_and_an_answer_meet_in_one_request(sims: Simulators) -> None:
    """Late and wrong; the request is recorded before the wait."""
    sims.http_json.delay(0.05)
    sims.http_json.answer(500)
    start = time.monotonic()
    response = httpx.post(sims.http_json.url, json={})
    assert time.monotonic() - start >= 0.05
    assert response.status_code == 500


def test_a_hanging_vendor_never_answers(sims: Simulators) -> None:
    """The client's timeout decides; the next request is served."""
    sims.http_json.hang()
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(sims.http_json.url, json={}, timeout=0.05)
    assert httpx.post(sims.http_json.url, json={}).status_code == 200
    assert len(sims.http_json.received) == 2


def test_a_resetting_vendor_closes_without_an_answer(sims: Simulators) -> None:
    """The client sees a protocol or read error, never an answer."""
    sims.http_json.reset(times=2)
    for _ in range(2):
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            httpx.post(sims.http_json.url, json={})
    assert httpx.post(sims.http_json.url, json={}).status_code == 200


def test_a_broken_connection_does_not_use_up_a_plan(sims: Simulators) -> None:
    """Nobody is left to get the answer."""
    sims.http_json.answer(500)
    with connect(sims.http_json) as connection:
        connection.sendall(b"POST")
    sims.http_json.wait(1)
    assert httpx.post(sims.http_json.url, json={}).status_code == 500


def test_many_threads_can_use_one_simulator(sims: Simulators) -> None:
    """Nothing is lost and nothing is mixed up."""

    def work(worker: int) -> None:
        with httpx.Client(base_url=sims.http_json.url) as client:
            for number in range(20):
                assert client.post("/", json={"worker": worker, "number": number}).status_code == 200

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    received = [(request.json["worker"], request.json["number"]) for request in sims.http_json.wait(160)]
    assert sorted(received) == [(worker, number) for worker in range(8) for number in range(20)]
    for worker in range(8):
        assert [number for by, number in received if by == worker] == list(range(20))


def test_closing_is_prompt_and_leaves_nothing_behind() -> None:
    """With idle, half-served, delayed and hanging connections: no thread, no socket, no warning."""
    threads = set(threading.enumerate())
    sims = Simulators(only=("http_json",))
    with sims:
        idle, half, late, hung = (connect(sims.http_json) for _ in range(4))
        idle.sendall(post())
        assert idle.recv(1000).startswith(b"HTTP/1.1 200 OK")
        half.sendall(b"POST / HT")
        sims.http_json.delay(60)
        late.sendall(post())
        sims.http_json.wait(2)
        sims.http_json.hang()
        hung.sendall(post())
        sims.http_json.wait(3)
        start = time.monotonic()
    assert time.monotonic() - start < 1
    assert not {*threading.enumerate()} - threads
    for connection in (idle, half, late, hung):
        with connection, contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    with pytest.raises(httpx.ConnectError):
        httpx.post(sims.http_json.url)
    gc.collect()


def test_an_error_inside_the_block_is_not_swallowed() -> None:
    """And the simulators stop all the same."""
    before = set(threading.enumerate())
    with pytest.raises(ZeroDivisionError), Simulators(only=("ga4",)):
        _ = 1 / 0
    assert not {*threading.enumerate()} - before
