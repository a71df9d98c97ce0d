"""Two visitors' contexts never mix: 200 requests at once, of alternating consent, per framework and client."""

import asyncio

import httpx
import pytest
from django.core.asgi import get_asgi_application
from fastapi import BackgroundTasks, FastAPI
from litestar import Litestar, get
from litestar.params import FromPath
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gatekeeper import GatekeeperMiddleware
from tests.hosts.project import post_async_with, post_with

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
