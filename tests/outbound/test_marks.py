"""What is let through is one request, not a stretch of time: whatever else begins meanwhile is judged by itself."""

import asyncio
import http.client
import logging
import sys
from urllib.parse import urlsplit

import httpcore
import httpx
import httpx2
import pytest
import requests
import urllib3

from gatekeeper.model import Outgoing
from gatekeeper.outbound.marks import covering, lines, sending
from tests.outbound.clients import CLIENTS
from tests.outbound.test_clients import BODY, MEASUREMENT

OTHER = BODY.replace(b"purchase", b"page_view")


def reasons(shop):
    """Why calls were blocked, in order; `None` for one that was sent."""
    return [line["deliveries"][0].get("reason") for line in shop.lines()]


def test_a_log_handler_that_ships_while_a_call_is_sent_is_judged(shop):
    """httpx logs each request; a handler that posts then is not let through with it."""

    class Shipping(logging.Handler):
        """Posts once, to the same endpoint."""

        busy = False

        def emit(self, record):
            if not self.busy:
                self.busy = True
                with shop.visitor():
                    requests.post(shop.sims.ga4.url + MEASUREMENT, data=OTHER, timeout=60)

    logger, handler = logging.getLogger("httpx"), Shipping()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with shop.visitor("analytics"):
            httpx.post(shop.sims.ga4.url + MEASUREMENT, content=BODY)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    assert handler.busy and len(shop.sims.ga4.received) == 1
    assert sorted(map(str, reasons(shop))) == ["None", "no_analytics_consent"]


def test_a_task_that_is_started_while_a_call_is_sent_is_judged(shop):
    """A flusher that a transport starts inherits the call's context, and speaks for nobody's consent."""
    started = []

    async def flush():
        async with httpx.AsyncClient() as client:
            with shop.visitor():
                await client.post(shop.sims.ga4.url + MEASUREMENT, content=BODY)

    class Starting(httpx.AsyncHTTPTransport):
        """Starts its task with the first request."""

        async def handle_async_request(self, request):
            if not started:
                started.append(asyncio.create_task(flush()))
            return await super().handle_async_request(request)

    async def run():
        async with httpx.AsyncClient(transport=Starting()) as client:
            with shop.visitor("analytics"):
                await client.post(shop.sims.ga4.url + MEASUREMENT, content=BODY)
        await started[0]

    asyncio.run(run())
    assert len(shop.sims.ga4.received) == 1 and None in reasons(shop) and "no_analytics_consent" in reasons(shop)


SENT = Outgoing("POST", "https://api.vendor.example/v1/in?a=1", (), b"12")


@pytest.mark.parametrize(
    ("asked", "is_it"),
    [
        pytest.param(("post", "API.vendor.example", "/v1/in", "a=1", b"12"), True, id="the same"),
        pytest.param(("POST", "api.vendor.example", "/v1/in", "a=1&trace=5", b"12"), True, id="with more behind it"),
        pytest.param(("POST", "api.vendor.example", "/v1/in", "a=1", None), False, id="a body that cannot be compared"),
        pytest.param(("GET", "api.vendor.example", "/v1/in", "a=1", b"12"), False, id="another method"),
        pytest.param(("POST", "other.vendor.example", "/v1/in", "a=1", b"12"), False, id="another host"),
        pytest.param(("POST", "api.vendor.example", "/v1/out", "a=1", b"12"), False, id="another path"),
        pytest.param(("POST", "api.vendor.example", "/v1/in", "b=1", b"12"), False, id="another query"),
        pytest.param(("POST", "api.vendor.example", "/v1/in", "a=1", b"13"), False, id="another body"),
        pytest.param(("POST", "api.vendor.example", "/v1/in", "a=1", b"123"), False, id="another size"),
    ],
)
def test_a_request_is_let_through_by_what_it_is(asked, is_it):
    """And only while the call is under way."""
    with sending(SENT):
        assert (covering(*asked) is SENT) is is_it
    assert covering(*asked) is None


@pytest.mark.parametrize(
    ("line", "leaves"),
    [
        pytest.param(("User-Agent", "python-httpx/0.28.1"), True, id="httpx's own name"),
        pytest.param(("User-Agent", "Python/3.11 aiohttp/3.14.5"), True, id="aiohttp's own name"),
        pytest.param(("User-Agent", "Python-urllib/3.11"), True, id="urllib's own name"),
        pytest.param(("User-Agent", "python-urllib3/2.8.0"), True, id="urllib3's own name"),
        pytest.param(("user-agent", "python-requests/2.34.2 zoe"), False, id="a name with more behind it"),
        pytest.param(("User-Agent", "shop/1 (zoe@example.org)"), False, id="a name of the app's"),
        pytest.param(("Accept", "*/*"), True, id="any type"),
        pytest.param(("Accept", "text/zoe"), False, id="a type that was not judged"),
        pytest.param(("Accept-Encoding", "gzip, deflate, br, zstd"), True, id="codings"),
        pytest.param(("Accept-Encoding", "gzip;q=1.0, *;q=0"), True, id="codings with weights"),
        pytest.param(("Accept-Encoding", "gzip, zoe"), False, id="a coding that is not one"),
        pytest.param(("TE", "trailers"), True, id="trailers"),
        pytest.param(("TE", "zoe"), False, id="a transfer coding that is not one"),
        pytest.param(("Connection", "keep-alive"), True, id="kept alive"),
        pytest.param(("Connection", "keep-alive, x-zoe"), False, id="a name in the connection's options"),
        pytest.param(("Content-Length", "12"), True, id="a size"),
        pytest.param(("Content-Length", "12 zoe"), False, id="a size with more behind it"),
        pytest.param(("traceparent", "00-1-2-01"), False, id="a line of a propagator's own"),
    ],
)
def test_of_the_clients_own_lines_only_its_own_words_leave(line, leaves):
    """A propagator can write into a line that clients write, too."""
    assert (line in lines(SENT, [line])) is leaves


@pytest.mark.parametrize("name", ["Accept", "Accept-Encoding", "TE", "User-Agent"])
def test_a_line_that_was_judged_wins_over_the_clients(name):
    """Whatever the client, or something below it, wrote there."""
    judged = Outgoing("POST", SENT.url, ((name, "judged"),), b"12")
    for given in ("*/*", "gzip", "trailers", "python-httpx/0.28.1", "zoe"):
        assert lines(judged, [(name.lower(), given)]) == [(name, "judged")]


def by_http_client(url, body):
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    connection.request("POST", f"{where.path}?{where.query}", body, {"X-Own": "jane"})
    answer = connection.getresponse()
    status = answer.status, answer.read()
    connection.close()
    return status


def by_parts(url, body):
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    connection.putrequest("POST", f"{where.path}?{where.query}")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    connection.send(b"%x\r\n%b\r\n" % (len(body), body))
    connection.send(b"0\r\n\r\n")
    answer = connection.getresponse()
    status = answer.status, answer.read()
    connection.close()
    return status


def by_httpcore(url, body):
    with httpcore.ConnectionPool() as pool:
        answer = pool.request("POST", url, content=body, headers={"X-Own": "jane"})
        return answer.status, answer.content


def by_httpcore_async(url, body):
    async def post():
        async with httpcore.AsyncConnectionPool() as pool:
            answer = await pool.request("POST", url, content=body)
            return answer.status, answer.content

    return asyncio.run(post())


def by_httpx2(url, body):
    with httpx2.Client(trust_env=False) as client:
        answer = client.post(url, content=body)
        return answer.status_code, answer.content


def by_httpx2_async(url, body):
    async def post():
        async with httpx2.AsyncClient(trust_env=False) as client:
            answer = await client.post(url, content=body)
            return answer.status_code, answer.content

    return asyncio.run(post())


LOW = [by_http_client, by_parts, by_httpcore, by_httpcore_async, by_httpx2, by_httpx2_async]


def by_urllib3_connection(url, body):
    where = urlsplit(url)
    connection = urllib3.connection.HTTPConnection(where.hostname, where.port, timeout=60)
    connection.request("POST", f"{where.path}?{where.query}", body)
    answer = connection.getresponse()
    status = answer.status, answer.data
    connection.close()
    return status


def by_urllib3_as_text(url, body):
    with urllib3.PoolManager() as pool:
        answer = pool.request("POST", url, body=body.decode())
        return answer.status, answer.data


def with_client(name):
    def post(url, body):
        return CLIENTS[name]("POST", url, body)

    post.__name__ = name
    return post


ALL = [*LOW, by_urllib3_connection, by_urllib3_as_text, *map(with_client, CLIENTS)]


@pytest.mark.parametrize("post", ALL, ids=lambda post: post.__name__)
@pytest.mark.parametrize("other", [OTHER, b""], ids=["of its size", "of a judged one without body"])
def test_a_nested_request_with_another_body_is_judged(shop, post, other):
    """To the address of the one under way: bytes are compared, not their number; what is unread is not let through."""
    body = BODY[: len(OTHER)].ljust(len(OTHER), b" ")
    with shop.visitor(), sending(Outgoing("POST", shop.sims.ga4.url + MEASUREMENT, (), other)):
        assert post(shop.sims.ga4.url + MEASUREMENT, body) == (204, b"")
    assert shop.sims.ga4.received == () and reasons(shop) == ["no_analytics_consent"]


IN_MEMORY = [post for post in ALL if post.__name__ not in ("by_urllib3_as_text", "aiohttp")]  # aiohttp: a file, here


@pytest.mark.parametrize("post", IN_MEMORY, ids=lambda post: post.__name__)
def test_a_client_below_lets_the_judged_request_through(shop, post):
    """With the lines that were judged, and without one of its own."""
    headers = (("Content-Type", "application/json"),)
    with shop.visitor(), sending(Outgoing("POST", shop.sims.ga4.url + MEASUREMENT, headers, BODY)):
        assert post(shop.sims.ga4.url + MEASUREMENT, BODY) == (204, b"")
    (received,) = shop.sims.ga4.received
    assert received.body == BODY and b"jane" not in received.raw.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize("post", LOW)
def test_clients_of_the_lowest_place_are_caught(shop, post):
    """http.client (at once and in parts), httpcore and httpx2: filtered with consent, held back without."""
    with shop.visitor():
        assert post(shop.sims.ga4.url + MEASUREMENT, BODY) == (204, b"")
        assert post("https://api.segment.io/v1/batch", b'{"batch":[]}')[0] == 200
    assert shop.sims.ga4.received == ()
    with shop.visitor("analytics"):
        assert post(shop.sims.ga4.url + MEASUREMENT, BODY) == (204, b"")
        assert post("https://www.google-analytics.com" + MEASUREMENT, BODY) == (204, b"")
    assert len(shop.sims.ga4.received) == 2 and len(shop.lines()) == 4
    assert all(b"jane" not in received.raw for received in shop.sims.ga4.received)


@pytest.mark.parametrize("post", LOW)
def test_their_other_requests_are_not_touched(shop, post):
    """To hosts in no table."""
    with shop.visitor():
        assert post(shop.sims.http_json.url + "/orders?email=jane", b'{"a":"jane"}')[0] == 200
    (received,) = shop.sims.http_json.received
    assert received.body == b'{"a":"jane"}' and shop.lines() == []


def test_a_connection_goes_on_after_a_call_that_was_held_back(shop):
    """Kept alive: the next request of the same connection is what it is."""
    where = urlsplit(shop.sims.ga4.url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    for granted in ((), ("analytics",), (), ("analytics",)):
        with shop.visitor(*granted):
            connection.request("POST", MEASUREMENT, BODY)
            assert connection.getresponse().read() == b""
    connection.close()
    assert len(shop.sims.ga4.received) == 2 and len(shop.lines()) == 4


def test_sentrys_http_2_transport_is_caught(shop):
    """It uses httpcore; the SDK moves to it."""
    import sentry_sdk

    sentry_sdk.init(dsn=shop.sims.sentry.dsn(), default_integrations=False, _experiments={"transport_http2": True})
    with shop.visitor("analytics"):
        sentry_sdk.set_user({"email": "jane@example.com"})
        sentry_sdk.capture_message("payment of jane@example.com failed")
    sentry_sdk.flush(5)
    transport = sentry_sdk.get_client().transport
    sentry_sdk.get_client().close()
    transport._pool.close()  # noqa: SLF001  # the SDK leaves its connections to the collector
    sentry_sdk.set_user(None)
    (received,) = shop.sims.sentry.wait(1)
    assert b"jane" not in received.decoded and b"gatekeeper_context" not in received.decoded
    assert "httpcore" in sys.modules and len(shop.lines()) == 1
