"""A transport, an adapter or a middleware for one client only; what is around a client does not let a call through."""

import asyncio

import aiohttp
import httpx
import pytest
import requests

import gatekeeper.outbound.aiohttp
import gatekeeper.outbound.httpx
import gatekeeper.outbound.requests
from tests.outbound.test_clients import BODY, MEASUREMENT


def by_httpx(url):
    with httpx.Client(transport=gatekeeper.outbound.httpx.transport()) as http:
        return http.post(url, content=BODY).status_code


def by_httpx_async(url):
    async def post():
        async with httpx.AsyncClient(transport=gatekeeper.outbound.httpx.async_transport()) as http:
            return (await http.post(url, content=BODY)).status_code

    return asyncio.run(post())


def by_requests(url):
    with requests.Session() as session:
        session.mount("http://", gatekeeper.outbound.requests.adapter())
        return session.post(url, data=BODY).status_code


def by_aiohttp(url):
    async def post():
        ours = [gatekeeper.outbound.aiohttp.middleware]
        async with aiohttp.ClientSession(middlewares=ours) as session, session.post(url, data=BODY) as answer:
            return answer.status

    return asyncio.run(post())


EXPLICIT = [by_httpx, by_httpx_async, by_requests, by_aiohttp]


@pytest.mark.parametrize("everywhere", [False, True], ids=["alone", "with-install"])
@pytest.mark.parametrize("post", EXPLICIT)
def test_one_client_can_be_caught_alone(shop, post, everywhere):
    """Judged once, not twice, where `install()` has been called too."""
    if not everywhere:
        gatekeeper.outbound.uninstall()
    with shop.visitor("analytics"):
        assert post(shop.sims.ga4.url + MEASUREMENT) == 204
    with shop.visitor():
        assert post(shop.sims.ga4.url + MEASUREMENT) == 204
    (received,) = shop.sims.ga4.received
    assert b"jane" not in received.raw and len(shop.lines()) == 2


def test_a_custom_transport_does_not_let_a_call_through(shop):
    """A client with a transport of its own is caught above it; the rewritten call goes through it."""
    sent = []

    def answer(request):
        sent.append(request)
        return httpx.Response(204)

    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        with shop.visitor():
            assert http.post("https://www.google-analytics.com" + MEASUREMENT, content=BODY).status_code == 204
        assert sent == []
        with shop.visitor("analytics"):
            http.post("https://www.google-analytics.com" + MEASUREMENT, content=BODY)
    (request,) = sent
    assert b"jane" not in request.content


def test_a_clients_cookies_and_default_headers_are_not_sent_to_a_vendor(shop):
    """They are the client's, for all visitors: nobody judged them."""

    async def post():
        cookies = {"id": "jane@example.com"}
        async with (
            aiohttp.ClientSession(
                cookies=cookies, headers={"X-User": "jane@example.com"}, cookie_jar=aiohttp.CookieJar(unsafe=True)
            ) as session,
            session.post(shop.sims.ga4.url + MEASUREMENT, data=BODY),
        ):
            pass

    with shop.visitor("analytics"):
        asyncio.run(post())
        with requests.Session() as session:
            session.cookies.set("id", "jane@example.com")
            session.headers["X-User"] = "jane@example.com"
            session.post(shop.sims.ga4.url + MEASUREMENT, data=BODY)
        with httpx.Client(cookies={"id": "jane@example.com"}, headers={"X-User": "jane@example.com"}) as http:
            http.post(shop.sims.ga4.url + MEASUREMENT, content=BODY)
    assert len(shop.sims.ga4.received) == 3
    assert all(b"jane" not in received.raw for received in shop.sims.ga4.received)


@pytest.mark.parametrize("kind", ["file", "generator", "gzip"])
def test_a_streamed_or_packed_body_is_judged_as_a_whole(shop, kind, tmp_path):
    """Read before anything is sent; a Content-Encoding is looked into."""
    import gzip

    (tmp_path / "body").write_bytes(BODY)
    with shop.visitor("analytics"), (tmp_path / "body").open("rb") as file:
        data = {"file": file, "generator": iter([BODY[:20], BODY[20:]]), "gzip": gzip.compress(BODY)}[kind]
        headers = {"Content-Encoding": "gzip"} if kind == "gzip" else {}
        requests.post(shop.sims.ga4.url + MEASUREMENT, data=data, headers=headers)
    (received,) = shop.sims.ga4.received
    assert b"jane" not in received.decoded and received.json["events"][0]["params"]["value"] == 10


def test_an_endless_upload_is_read_no_further_than_the_limit(shop):
    """And blocked."""
    made = []

    def endless():
        while True:
            made.append(1)
            yield b"x" * 65_536

    with shop.visitor("analytics"):
        assert requests.post(shop.sims.ga4.url + MEASUREMENT, data=endless()).status_code == 204
        assert httpx.post(shop.sims.ga4.url + MEASUREMENT, content=endless()).status_code == 204
    assert len(made) < 40 and shop.sims.ga4.received == ()


async def test_the_event_loop_is_not_held_up_while_the_decision_is_written(shop):
    """The wait for the disk is awaited."""
    from concurrent.futures import Future
    from unittest.mock import patch

    written: Future[None] = Future()
    ticks = []

    async def tick():
        await asyncio.sleep(0)
        ticks.append(1)
        written.set_result(None)

    with shop.visitor(), patch.object(shop.runtime.gate.recorder, "append", lambda batch: written):
        async with httpx.AsyncClient() as http:
            answer, _ = await asyncio.gather(http.post(shop.sims.ga4.url + MEASUREMENT, content=BODY), tick())
    assert answer.status_code == 204 and ticks == [1]


def test_without_a_gate_nothing_tracks(shop, monkeypatch, caplog):
    """`install()` before any gate: known hosts are blocked, and the log says why."""
    monkeypatch.setattr("gatekeeper.context.here._installed", [])
    answer = httpx.post("https://api.segment.io/v1/batch", content=BODY)
    assert answer.json() == {"success": True}
    assert "no gate runs in this process" in caplog.text
