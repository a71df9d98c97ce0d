"""Answers are the client's own, sent or held back: what its users read is there, and what they set holds."""

import asyncio
import http.client
import threading
import time
import urllib.request
from concurrent.futures import Future
from unittest.mock import AsyncMock, patch

import aiohttp
import httpx
import pytest
import requests
import urllib3

from tests.outbound.test_clients import BODY, MEASUREMENT

either = pytest.mark.parametrize("granted", [("analytics",), ()], ids=["sent", "held back"])


@either
def test_httpx_has_elapsed_raw_bytes_and_extensions(shop, granted):
    """Loggers of response times read `elapsed`; streams read raw bytes."""
    with shop.visitor(*granted), httpx.Client() as client:
        answer = client.post(shop.sims.ga4.url + MEASUREMENT, content=BODY)
        assert answer.elapsed.total_seconds() >= 0 and answer.reason_phrase == "No Content"
        assert answer.http_version == "HTTP/1.1"
        with client.stream("POST", shop.sims.ga4.url + MEASUREMENT, content=BODY) as streamed:
            assert b"".join(streamed.iter_raw()) == b""


@either
def test_requests_has_elapsed_and_reason(shop, granted):
    """As its adapter makes it."""
    with shop.visitor(*granted):
        answer = requests.post(shop.sims.ga4.url + MEASUREMENT, data=BODY, timeout=60)
    assert answer.reason == "No Content" and answer.elapsed.total_seconds() > 0 and answer.raw.status == 204


@either
def test_urllib_gives_an_http_response(shop, granted):
    """With reason, version, getheader and a mapping of headers."""
    url = shop.sims.ga4.url + MEASUREMENT if granted else "https://api.segment.io/v1/batch"
    request = urllib.request.Request(url, BODY)
    with shop.visitor(*granted), urllib.request.urlopen(request, timeout=60) as answer:
        assert isinstance(answer, http.client.HTTPResponse) and answer.version == 11
        assert answer.reason in ("OK", "No Content") and answer.msg == answer.reason
        assert answer.getheader("X-None", "n") == "n" and isinstance(answer.headers, http.client.HTTPMessage)
        assert answer.url == request.full_url and not answer.getheader("Transfer-Encoding")
        answer.read()
        assert answer.isclosed()


@either
def test_aiohttp_answers_with_the_sessions_class(shop, granted):
    """`response_class` of the session, with the methods that the app gave it."""

    class Own(aiohttp.ClientResponse):
        """The app's own class."""

        def ours(self):
            return self.status

    async def post():
        async with (
            aiohttp.ClientSession(response_class=Own) as session,
            session.post(shop.sims.ga4.url + MEASUREMENT, data=BODY) as answer,
        ):
            return answer.ours(), answer.reason

    with shop.visitor(*granted):
        assert asyncio.run(post()) == (204, "No Content")


def test_the_timeout_of_a_request_of_aiohttp_holds(shop):
    """`sock_read` of the request, not of the session; the vendor may have the call: `unknown`."""
    shop.sims.ga4.hang(times=1)

    async def post():
        async with aiohttp.ClientSession() as session:
            await session.post(shop.sims.ga4.url + MEASUREMENT, data=BODY, timeout=aiohttp.ClientTimeout(sock_read=0.2))

    started = time.monotonic()
    with shop.visitor("analytics"), pytest.raises(aiohttp.SocketTimeoutError):
        asyncio.run(post())
    assert time.monotonic() - started < 3
    assert [(line["status"], line["reason"]) for line in shop.lines("outcome")] == [("failed", "unknown")]


def by_urllib3(url):
    with urllib3.PoolManager() as pool:
        pool.request("POST", url, body=BODY, timeout=0.3, retries=False)


def by_urllib(url):
    urllib.request.urlopen(urllib.request.Request(url, BODY), timeout=0.3).close()


TIMED = {
    "httpx": lambda url: httpx.post(url, content=BODY, timeout=0.3),
    "requests": lambda url: requests.post(url, data=BODY, timeout=0.3),
    "urllib3": by_urllib3,
    "urllib": by_urllib,
}


@pytest.mark.parametrize("post", TIMED.values(), ids=TIMED)
def test_a_timeout_is_recorded_as_unknown(shop, post):
    """The vendor may have it."""
    shop.sims.ga4.hang(times=1)
    with shop.visitor("analytics"), pytest.raises(Exception, match=r"(?i)time"):
        post(shop.sims.ga4.url + MEASUREMENT)
    assert [(line["status"], line["reason"]) for line in shop.lines("outcome")] == [("failed", "unknown")]


@pytest.mark.parametrize("granted", [("analytics",), ()], ids=["consent", "none"])
@pytest.mark.parametrize("post", TIMED.values(), ids=TIMED)
def test_a_disk_that_stalls_holds_a_call_no_longer_than_its_timeout(shop, post, granted):
    """Not recorded in time is not sent; what is not sent waits for nothing."""
    never: Future[None] = Future()
    started = time.monotonic()
    with shop.visitor(*granted), patch.object(shop.runtime.gate.recorder, "append", lambda batch: never):
        post(shop.sims.ga4.url + MEASUREMENT)
    assert time.monotonic() - started < 2 and shop.sims.ga4.received == ()


def test_a_mock_of_a_caught_method_is_still_a_mock_of_a_coroutine(shop):
    """`patch.object` in an app's tests makes an AsyncMock."""
    for owner, name in ((aiohttp.ClientSession, "_request"), (httpx.AsyncClient, "_send_single_request")):
        with patch.object(owner, name) as mock:
            assert isinstance(mock, AsyncMock)


def test_many_threads_are_let_through_each_with_its_own(shop):
    """Marks do not mix."""

    def post(n):
        with shop.visitor(*(("analytics",) if n % 2 else ())):
            requests.post(shop.sims.ga4.url + MEASUREMENT, data=BODY.replace(b"1.2", b"1.%d" % (n + 10)), timeout=60)

    threads = [threading.Thread(target=post, args=(n,)) for n in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(shop.sims.ga4.received) == 4 and len(shop.lines()) == 8
