"""Two visitors' contexts never mix: 200 requests at once, of alternating consent, per framework and client."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.core.asgi import get_asgi_application
from django.test import Client
from fastapi import BackgroundTasks, FastAPI
from litestar import Litestar, get
from litestar.params import FromPath
from segment.analytics.client import Client as SegmentClient
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gatekeeper import GatekeeperMiddleware, context
from gatekeeper.policy.load import parse_policy
from tests.hosts.project import post_async_with, post_with
from tests.running import tables

CLIENTS = ["httpx", "requests", "aiohttp"]


def starlette_app():
    """A sync view in the thread pool, an async one, and one that goes to the pool itself."""

    def sync(request):
        post_with(request.path_params["client"], request.path_params["order"])
        return PlainTextResponse("bought")

    async def view(request):
        await asyncio.create_task(post_async_with(request.path_params["client"], request.path_params["order"]))
        return PlainTextResponse("bought")

    async def pooled(request):
        await run_in_threadpool(post_with, request.path_params["client"], request.path_params["order"])
        return PlainTextResponse("bought")

    return Starlette(
        routes=[
            Route("/buy/{client}/{order}", sync),
            Route("/buy-async/{client}/{order}", view),
            Route("/buy-in-thread/{client}/{order}", pooled),
        ]
    )


def fastapi_app():
    """The same, and a background task that sends after the answer."""
    app = FastAPI()

    @app.get("/buy/{client}/{order}")
    def sync(client: str, order: str):
        post_with(client, order)

    @app.get("/buy-async/{client}/{order}")
    async def view(client: str, order: str):
        await post_async_with(client, order)

    @app.get("/buy-in-thread/{client}/{order}")
    async def later(client: str, order: str, tasks: BackgroundTasks):
        tasks.add_task(post_with, client, order)

    return app


def litestar_app():
    """Litestar's own thread pool."""

    @get("/buy/{client:str}/{order:str}", sync_to_thread=True)
    def sync(client: FromPath[str], order: FromPath[str]) -> str:
        post_with(client, order)
        return "bought"

    @get("/buy-async/{client:str}/{order:str}")
    async def view(client: FromPath[str], order: FromPath[str]) -> str:
        await post_async_with(client, order)
        return "bought"

    return Litestar([sync, view])


FRAMEWORKS = {"starlette": starlette_app, "fastapi": fastapi_app, "litestar": litestar_app}


async def crowd(app, shop, client, paths):
    """200 requests at once; every other one of a visitor who permits analytics."""
    yes = {name.decode(): value.decode() for name, value in shop.headers("analytics")}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example", timeout=60) as http:
        answers = await asyncio.gather(
            *(http.get(f"{paths[n % len(paths)]}/{client}/o{n}", headers=yes if n // 3 % 2 else {}) for n in range(200))
        )
    assert {answer.status_code for answer in answers} == {200}


def orders(shop):
    """What GA4 received."""
    events = [event for received in shop.sims.ga4.received for event in received.json["events"]]
    return sorted(event["params"]["transaction_id"] for event in events)


EXPECTED = sorted(f"o{n}" for n in range(200) if n // 3 % 2)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_visitors_never_mix(shop, framework, client):
    """What was received is exactly what those who agreed bought."""
    app = GatekeeperMiddleware(FRAMEWORKS[framework](), config=shop.runtime.policy)
    paths = ["/buy", "/buy-async", "/buy-in-thread"][: 2 if framework == "litestar" else 3]
    try:
        asyncio.run(crowd(app, shop, client, paths))
        assert orders(shop) == EXPECTED
    finally:
        app.runtime.close()


@pytest.mark.parametrize("client", CLIENTS)
def test_visitors_never_mix_in_django(shop, client):
    """Under ASGI, with Django's own middleware: sync and async views side by side."""
    asyncio.run(crowd(get_asgi_application(), shop, client, ["/buy", "/buy-async", "/buy-in-thread"]))
    assert orders(shop) == EXPECTED


@pytest.mark.parametrize("client", CLIENTS)
def test_visitors_never_mix_under_wsgi(shop, client):
    """200 requests by sixteen threads, as a threaded server has them."""
    yes = {name.decode(): value.decode() for name, value in shop.headers("analytics")}

    def visit(n):
        return Client().get(f"/buy/{client}/o{n}", headers=yes if n // 3 % 2 else {}).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(visit, range(200))) == {200}
    assert orders(shop) == EXPECTED


def test_visitors_never_mix_in_one_batch_of_a_queueing_sdk(shop, tmp_path):
    """Segment's client sends 200 visitors' events from its own thread, a hundred in a request."""
    product = {"kind": "first_party", "speaks": "segment", "endpoint": shop.sims.http_json.url}
    data = tables(tmp_path, shop.sims, destinations=lambda _: {"product": product})
    data["keys"] = {"path": str(shop.runtime.policy.keys_folder)}
    policy = parse_policy(data, environ={})
    queue = SegmentClient("WK", host=shop.sims.http_json.url, upload_size=100, upload_interval=0.2)

    async def view(request):
        queue.track("u-1", "bought", {"transaction_id": request.path_params["order"]})
        return PlainTextResponse("bought")

    app = GatekeeperMiddleware(Starlette(routes=[Route("/buy/{client}/{order}", view)]), config=policy)
    try:
        asyncio.run(crowd(app, shop, "segment", ["/buy"]))
        queue.shutdown()
        sent = [event for one in shop.sims.http_json.received for event in one.json["batch"]]
        assert sorted(event["properties"]["transaction_id"] for event in sent) == EXPECTED
        assert len(shop.sims.http_json.received) < 20
    finally:
        app.runtime.close()
        context.uninstall(app.runtime.gate)
