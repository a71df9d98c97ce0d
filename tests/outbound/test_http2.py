"""Over HTTP/2, with a real server: a judged call is sent as it was judged there, too."""

import asyncio
import threading

import httpcore
import httpx
import httpx2
import hypercorn.asyncio
import hypercorn.config
import pytest

import gatekeeper.outbound
from gatekeeper import context
from gatekeeper.policy.load import parse_policy
from gatekeeper.runtime import Runtime
from gatekeeper.testing import Simulators
from tests.outbound.conftest import Shop
from tests.outbound.test_clients import BODY, MEASUREMENT
from tests.running import tables
from tests.shells.serving import free_port

ADDED = ("baggage", "user.email=zoe%40example.org")


@pytest.fixture(scope="module")
def vendor():
    """A server of HTTP/2 without TLS: its address, and what it got (version, target, headers, body)."""
    got, up, loop, port = [], threading.Event(), asyncio.new_event_loop(), free_port()
    down = asyncio.Event()

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            return await send({"type": "lifespan.shutdown.complete"})
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        target = scope["raw_path"].decode() + "?" + scope["query_string"].decode()
        got.append((scope["http_version"], target, dict(scope["headers"]), body))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        return await send({"type": "http.response.body"})

    async def main():
        config = hypercorn.config.Config.from_mapping(bind=[f"127.0.0.1:{port}"], errorlog=None, graceful_timeout=1)
        serving = asyncio.create_task(hypercorn.asyncio.serve(app, config, shutdown_trigger=down.wait))
        while not serving.done():
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            up.set()
            break
        await serving

    thread = threading.Thread(target=loop.run_until_complete, args=[main()])
    thread.start()
    assert up.wait(10)
    yield f"http://127.0.0.1:{port}", got
    loop.call_soon_threadsafe(down.set)
    thread.join(10)
    loop.close()


@pytest.fixture(scope="module")
def process(vendor, tmp_path_factory):
    """A gate whose GA4 is that server."""
    with Simulators() as sims:
        data = tables(tmp_path_factory.mktemp("http2"), sims)
        data["destinations"]["ga4"]["endpoint"] = vendor[0]
        runtime = Runtime(parse_policy(data, environ={}))
        yield Shop(runtime, sims)
        runtime.close()


def by_httpx(url):
    with httpx.Client(http1=False, http2=True, trust_env=False) as client:
        return client.post(url, content=BODY).status_code


def by_httpx_async(url):
    async def post():
        async with httpx.AsyncClient(http1=False, http2=True, trust_env=False) as client:
            return (await client.post(url, content=BODY)).status_code

    return asyncio.run(post())


def by_httpx2(url):
    with httpx2.Client(http1=False, http2=True, trust_env=False) as client:
        return client.post(url, content=BODY).status_code


def by_httpcore(url):
    with httpcore.ConnectionPool(http1=False, http2=True) as pool:
        return pool.request("POST", url, content=BODY).status


def propagate(monkeypatch):
    """A propagator at the pools, below which there is only the connection."""
    import httpcore2

    def adding(original):
        def handle_request(self, request):
            request.headers.append((ADDED[0].encode(), ADDED[1].encode()))
            request.headers.append((b"user-agent", b"zoe"))
            request.url.target += b"&trace=zoe"
            return original(self, request)

        return handle_request

    for library in (httpcore, httpcore2):
        for kind, name in (
            (library.ConnectionPool, "handle_request"),
            (library.AsyncConnectionPool, "handle_async_request"),
        ):
            monkeypatch.setattr(kind, name, adding(getattr(kind, name)))


@pytest.mark.parametrize("order", ["before", "after", "alone"])
@pytest.mark.parametrize("post", [by_httpx, by_httpx_async, by_httpx2, by_httpcore], ids=lambda post: post.__name__)
def test_what_a_propagator_adds_does_not_leave_over_http_2(vendor, process, monkeypatch, post, order):
    """Installed before the gate or after it; without the gate (`alone`) it leaves."""
    url, got = vendor
    got.clear()
    context.install(process.runtime.gate)
    try:
        if order == "after":
            gatekeeper.outbound.install()
        with monkeypatch.context() as patching:
            propagate(patching)
            if order == "before":
                gatekeeper.outbound.install()
            with process.visitor("analytics"):
                assert post(url + MEASUREMENT) == 204
            gatekeeper.outbound.uninstall()
    finally:
        gatekeeper.outbound.uninstall()
        context.uninstall(process.runtime.gate)
    ((version, target, headers, body),) = got
    assert version == "2"
    added = [one for one in (target, str(headers), body.decode()) if "zoe" in one]
    assert len(added) == (2 if order == "alone" else 0), got
    assert (b"jane" in body) is (order == "alone")
