"""Whatever way a client takes (a proxy, a retry, HTTP/2, a second install): judged once, never sent unfiltered."""

import asyncio
import importlib.util
import socket
import sys
import urllib.request
from contextlib import contextmanager
from urllib.parse import urlsplit

import aiohttp
import httpcore
import httpx
import pytest
import requests
import trio
import urllib3
from urllib3.util import Retry

import gatekeeper.outbound
from gatekeeper import context
from gatekeeper.model import Answer, Caller, Visitor
from gatekeeper.shells.asgi.caller import here
from gatekeeper.signals.context import LIFETIME, write
from tests.answering import answering
from tests.builders import NOW, RING, make_gate, make_policy, own_cookie
from tests.outbound.clients import CLIENTS
from tests.outbound.test_clients import BODY, MEASUREMENT

AUTH = "Basic cHJveHk6czNjcmV0"


@contextmanager
def proxy():
    """A forwarding proxy for plain HTTP; gives the requests it saw as (target, headers)."""
    seen = []

    def forward(call):
        headers = [(name.decode().title(), value.decode("latin-1")) for name, value in call.headers]
        seen.append((f"{call.path}?{call.query}", dict(headers)))
        where = urlsplit(call.path)
        kept = [one for one in headers if not one[0].startswith("Proxy-") and one[0] != "Connection"]
        head = "".join(f"{name}: {value}\r\n" for name, value in kept)
        first = f"POST {where.path}?{call.query} HTTP/1.1\r\nConnection: close\r\n"
        # The proxy is not the app: by a socket of its own it is not caught.
        with socket.create_connection((where.hostname, where.port)) as vendor:
            vendor.sendall(f"{first}{head}\r\n".encode() + call.body)
            return Answer(int(vendor.makefile("rb").readline().split()[1]))

    with answering(forward) as url:
        yield url, seen


def httpx_by(url, by):
    with httpx.Client(proxy=by.replace("//", "//proxy:s3cret@"), trust_env=False) as client:
        return client.post(url, content=BODY).status_code


def requests_by(url, by):
    with requests.Session() as session:
        session.trust_env = False
        return session.post(url, data=BODY, proxies={"http": by.replace("//", "//proxy:s3cret@")}).status_code


def urllib3_by(url, by):
    with urllib3.ProxyManager(by, proxy_headers={"Proxy-Authorization": AUTH}) as pool:
        return pool.request("POST", url, body=BODY).status


def urllib_by(url, by):
    handler = urllib.request.ProxyHandler({"http": by.replace("//", "//proxy:s3cret@")})
    with urllib.request.build_opener(handler).open(urllib.request.Request(url, BODY), timeout=60) as answer:
        return answer.status


def aiohttp_by(url, by):
    async def post():
        by_name = by.replace("//", "//proxy:s3cret@")
        async with aiohttp.ClientSession() as session, session.post(url, data=BODY, proxy=by_name) as answer:
            return answer.status

    return asyncio.run(post())


@pytest.mark.parametrize("post", [httpx_by, requests_by, urllib3_by, urllib_by, aiohttp_by])
def test_a_call_by_a_proxy_is_judged_and_goes_by_the_proxy(shop, post, monkeypatch):
    """The app's own way out, and its credentials there, are kept; the visitor's data are not."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with proxy() as (by, seen):
        url = shop.sims.ga4.url + MEASUREMENT
        with shop.visitor():
            assert post(url, by) == 204
        assert seen == []
        with shop.visitor("analytics"):
            assert post(url, by) == 204
    ((target, headers),) = seen
    assert target.startswith(shop.sims.ga4.url)
    assert {name.lower(): value for name, value in headers.items()}["proxy-authorization"] == AUTH
    (received,) = shop.sims.ga4.received
    assert b"jane" not in received.raw and received.header("Proxy-Authorization") is None


def test_a_clients_own_retries_are_one_call(shop):
    """Judged once, recorded once; the vendor sees the rewritten body every time."""
    shop.sims.ga4.answer(503, times=2)
    with shop.visitor("analytics"), requests.Session() as session:
        again = Retry(total=3, status_forcelist=[503], allowed_methods=None, backoff_factor=0)
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=again))
        assert session.post(shop.sims.ga4.url + MEASUREMENT, data=BODY).status_code == 204
    assert len(shop.sims.ga4.received) == 3 and len(shop.lines()) == 1
    assert all(b"jane" not in one.raw for one in shop.sims.ga4.received)


def test_an_http_2_client_is_caught_above_the_wire(shop):
    """Whatever the transport speaks."""
    with httpx.Client(http2=True, trust_env=False) as client, shop.visitor():
        assert client.post("https://www.google-analytics.com" + MEASUREMENT, content=BODY).status_code == 204
    assert [line["deliveries"][0]["reason"] for line in shop.lines()] == ["no_analytics_consent"]


def by_httpx(url):
    async def post():
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.post(url, content=BODY)).status_code

    return trio.run(post)


def by_httpcore(url):
    async def post():
        async with httpcore.AsyncConnectionPool() as pool:
            return (await pool.request("POST", url, content=BODY)).status

    return trio.run(post)


@pytest.mark.parametrize("post", [by_httpx, by_httpcore], ids=lambda post: post.__name__)
def test_calls_under_trio_are_caught(shop, post):
    """Its loop cannot wait for the log as asyncio's does: recorded and sent with consent, answered without."""
    for granted, count in (((), 0), (("analytics",), 1)):
        with shop.visitor(*granted):
            assert post(shop.sims.ga4.url + MEASUREMENT) == 204
        assert len(shop.sims.ga4.received) == count
    assert [line["deliveries"][0].get("reason") for line in shop.lines()] == ["no_analytics_consent", None]
    assert all(b"jane" not in one.raw for one in shop.sims.ga4.received)


def test_a_loop_that_is_neither_sends_nothing_and_is_told(shop, caplog):
    """A coroutine that is run by hand, with httpx's transport in place of the network."""
    sent = []

    async def post():
        async def answer(request):
            sent.append(request)
            return httpx.Response(204)

        client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        return await client.post(shop.sims.ga4.url + MEASUREMENT, content=BODY)

    with shop.visitor("analytics"), pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "trio")
        with pytest.raises(StopIteration) as end:
            post().send(None)
    assert end.value.value.status_code == 204 and sent == []
    assert "by neither asyncio nor trio" in caplog.text


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_a_second_install_changes_nothing(shop, client):
    """One judgement for one call, and one `uninstall()` undoes it."""
    there = tuple(name for name in gatekeeper.outbound.CLIENTS if importlib.util.find_spec(name) is not None)
    assert gatekeeper.outbound.install() == gatekeeper.outbound.install() == there
    with shop.visitor("analytics"):
        client("POST", shop.sims.ga4.url + MEASUREMENT, BODY)
    assert len(shop.lines()) == 1
    gatekeeper.outbound.uninstall()
    gatekeeper.outbound.uninstall()
    client("POST", shop.sims.ga4.url + MEASUREMENT, BODY)
    assert len(shop.lines()) == 1 and len(shop.sims.ga4.received) == 2


def test_what_somebody_else_wrapped_meanwhile_passes_calls_on_after_uninstall(shop):
    """A tracer that patched after us keeps its patch; ours in it does nothing any more, and is not put in twice."""
    owner, name = urllib3.HTTPConnectionPool, "urlopen"
    ours = getattr(owner, name)
    seen = []

    def tracing(self, *args, **options):
        seen.append(1)
        return ours(self, *args, **options)

    setattr(owner, name, tracing)
    try:
        gatekeeper.outbound.uninstall()
        with urllib3.PoolManager() as pool:
            assert pool.request("POST", shop.sims.ga4.url + MEASUREMENT, body=BODY).status == 204
        assert seen == [1] and shop.lines() == []
        gatekeeper.outbound.install()
        with urllib3.PoolManager() as pool, shop.visitor("analytics"):
            assert pool.request("POST", shop.sims.ga4.url + MEASUREMENT, body=BODY).status == 204
        assert len(shop.lines()) == 1
    finally:
        gatekeeper.outbound.uninstall()
        setattr(owner, name, ours.__wrapped__)


def post_as(shop, token):
    """A call that says whose it is."""
    requests.post(shop.sims.ga4.url + MEASUREMENT, data=BODY, headers={"Gatekeeper-Context": token})
    return shop.lines()[-1]


def test_an_expired_token_denies(shop, monkeypatch):
    """An hour later it speaks for nobody."""
    with shop.visitor("analytics"):
        token = context.dump()
        later = shop.runtime.gate.clock() + LIFETIME + 1
    monkeypatch.setattr(shop.runtime.gate, "clock", lambda: later)
    assert post_as(shop, token)["deliveries"][0]["reason"] == "consent_unreadable"
    assert shop.sims.ga4.received == ()


def test_a_token_of_another_installation_denies(shop):
    """Signed, but by keys that are not ours."""
    with shop.visitor("analytics"):
        heard = shop.runtime.gate.heard(context.current.get().caller())
    foreign = write(Visitor(heard), at=shop.runtime.gate.clock(), sign=RING.sign)
    assert post_as(shop, foreign)["deliveries"][0]["reason"] == "consent_unreadable"


def test_a_token_is_judged_by_the_policy_of_the_gate_that_reads_it(shop):
    """It says what the visitor said, not what another policy made of it: this one may believe grants for a day only."""
    asked = make_gate()
    cookie = own_cookie("analytics", at=NOW - 86_400 * 2)
    mark = context.current.set(here(asked, {"type": "http", "headers": [(b"cookie", cookie.encode())]}))
    try:
        token = context.dump()
    finally:
        context.current.reset(mark)
    strict = make_gate(make_policy(consent={"max_age": "1d"}))
    for gate, expected in ((asked, True), (strict, False)):
        visitor = gate.visitor(token, NOW)
        consent = gate.consent_of(Caller(visitor=visitor), NOW)
        granted = {p.value for p, ruling in consent.rulings.items() if ruling.permission.value == "granted"}
        assert ("analytics" in granted) is expected
