"""A worker that the first visitor's request starts, and every later visitor's events go through: whose are they?

Made after public reports (ogx-ai/ogx#5221, aio-libs/aiojobs#362), with a real server, real clients and GA4's simulator.
"""

import asyncio
import json
import logging
import threading
from contextlib import contextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import gatekeeper
import gatekeeper.outbound
from gatekeeper import GatekeeperMiddleware, context
from gatekeeper.context import places
from gatekeeper.policy.load import parse_policy
from gatekeeper.testing import Simulators
from tests.outbound.test_clients import MEASUREMENT
from tests.running import by_uvicorn, tables

SENT = threading.Semaphore(0)


def hit(order):
    """A purchase as GA4's protocol has it."""
    params = {"value": 10, "currency": "EUR", "transaction_id": order}
    return json.dumps({"client_id": "1.2", "events": [{"name": "purchase", "params": params}]}).encode()


async def post(url, order):
    """One tracking call."""
    async with httpx.AsyncClient(trust_env=False) as http:
        await http.post(url, content=hit(order), headers={"Content-Type": "application/json"})
    SENT.release()


class ByTask:
    """A queue and a task, made by the first request."""

    queue = None

    def put(self, url, order):
        """One order for the worker."""
        if self.queue is None:
            self.queue = asyncio.Queue()
            self.task = asyncio.create_task(self.work(url))
        self.queue.put_nowait(order)

    async def work(self, url):
        """For ever."""
        while True:
            await post(url, await self.queue.get())


class ByTimer:
    """A flusher that a timer runs, set by the first request and by itself from then on."""

    orders = None

    def put(self, url, order):
        """One order for the next flush."""
        if self.orders is None:
            self.orders = []
            self.flush(url)
        self.orders.append(order)

    def flush(self, url):
        """Send what there is."""
        for order in self.orders:
            asyncio.get_running_loop().create_task(post(url, order))
        self.orders.clear()
        asyncio.get_running_loop().call_later(0.01, self.flush, url)


class ByKeeping(ByTask):
    """The same queue done right: each order brings its own visitor."""

    def put(self, url, order):
        """An order and whose it is."""
        super().put(url, (order, context.keep()))

    async def work(self, url):
        """Each for its own visitor."""
        while True:
            order, visitor = await self.queue.get()
            with visitor:
                await post(url, order)


@contextmanager
def shop(folder, worker):
    """A shop whose orders go through one worker; what asks it, the cookie of a visitor who agreed, the vendor."""
    with Simulators() as sims:
        config = parse_policy(tables(folder, sims), environ={})
        made, url = worker(), sims.ga4.url + MEASUREMENT

        async def buy(request):
            made.put(url, "T-" + request.path_params["who"])
            return PlainTextResponse("bought")

        gated = GatekeeperMiddleware(Starlette(routes=[Route("/buy/{who}", buy)]), config=config)
        gatekeeper.outbound.install()
        try:
            with by_uvicorn(gated, lifespan="on") as at, httpx.Client(base_url=f"http://{at}", trust_env=False) as http:
                cookie = gatekeeper.issue_consent(config=config, analytics=True).partition(";")[0]
                yield http, {"Cookie": cookie}, sims.ga4
        finally:
            gatekeeper.outbound.uninstall()
            gated.runtime.close()
            context.uninstall(gated.runtime.gate)


def orders(vendor):
    """What arrived."""
    return [json.loads(one.body)["events"][0]["params"]["transaction_id"] for one in vendor.received]


@pytest.mark.parametrize(("worker", "arrives"), [(ByTask, []), (ByTimer, []), (ByKeeping, ["T-anna"])])
def test_a_worker_speaks_for_no_visitor_unless_each_order_brings_its_own(
    tmp_path, caplog, monkeypatch, worker, arrives
):
    """Started by a visitor who said nothing; Anna agreed, Bert did not. One warning tells why nothing is sent."""
    monkeypatch.setattr(places, "_told", set())
    with caplog.at_level(logging.WARNING, "gatekeeper"), shop(tmp_path, worker) as (http, agreed, vendor):
        for who, headers in (("zoe", {}), ("anna", agreed), ("bert", {})):
            http.get(f"/buy/{who}", headers=headers)
            assert SENT.acquire(timeout=10)
        assert orders(vendor) == arrives
    said = [one for one in caplog.messages if "gatekeeper.context.keep()" in one]
    assert len(said) == (worker is not ByKeeping)


@pytest.mark.parametrize("worker", [ByTask, ByTimer])
def test_a_consent_does_not_cover_what_its_giver_started(tmp_path, worker):
    """Anna, who agreed, is the first: her worker sends nothing of Bert's, who did not."""
    with shop(tmp_path, worker) as (http, agreed, vendor):
        for who, headers in (("anna", agreed), ("bert", {})):
            http.get(f"/buy/{who}", headers=headers)
            assert SENT.acquire(timeout=10)
        assert "T-bert" not in orders(vendor)
