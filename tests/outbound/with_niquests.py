"""Runs in the environment of `niquests_env.py`: niquests, sync and async, in each way of asking; prints JSON.

python -m tests.outbound.with_niquests <before|after>      `before`: niquests is imported before `install()`
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import gatekeeper.outbound
from gatekeeper import context
from gatekeeper.policy.load import parse_policy
from gatekeeper.runtime import Runtime
from gatekeeper.testing import Simulators
from tests.outbound.conftest import Shop
from tests.running import tables

MEASUREMENT = "/mp/collect?measurement_id=G-TEST&api_secret=s3cret"
BODY = json.dumps({"client_id": "1.2", "user_id": "zoe@example.org", "events": [{"name": "purchase"}]}).encode()
MAIL = "user.email=zoe%40example.org"


def ways():
    """Name -> `way(url, body)`: status, content and the answer's class."""
    import niquests
    import urllib3_future

    def told(answer):
        assert answer.reason is not None and answer.elapsed is not None
        return answer.status_code, (answer.content or b"").decode(), type(answer).__name__

    def sync(url, body):
        with niquests.Session() as session:
            return told(session.post(url, data=body))

    def streamed(url, body):
        with niquests.Session() as session:
            answer = session.post(url, data=iter([body[:9], body[9:]]), stream=True)
            return answer.status_code, b"".join(answer.iter_content(8)).decode(), type(answer).__name__

    def multiplexed(url, body):
        with niquests.Session(multiplexed=True) as session:
            answers = [session.post(url, data=body)]
            session.gather(*answers)
            return told(answers[0])

    def asynchronous(url, body):
        async def post():
            async with niquests.AsyncSession() as session:
                return told(await session.post(url, data=body))

        return asyncio.run(post())

    def async_streamed(url, body):
        async def parts():
            yield body[:9]
            yield body[9:]

        async def post():
            async with niquests.AsyncSession() as session:
                answer = await session.post(url, data=parts(), stream=True)
                content = b"".join([part async for part in await answer.iter_content(8)])
                return answer.status_code, content.decode(), type(answer).__name__

        return asyncio.run(post())

    def pool(url, body):
        with urllib3_future.PoolManager() as manager:
            answer = manager.request("POST", url, body=body)
            return answer.status, answer.data.decode(), type(answer).__name__

    def async_pool(url, body):
        async def post():
            async with urllib3_future.AsyncPoolManager() as manager:
                answer = await manager.request("POST", url, body=body)
                return answer.status, ((await answer.data) or b"").decode(), type(answer).__name__

        return asyncio.run(post())

    return {one.__name__: one for one in (sync, streamed, multiplexed, asynchronous, async_streamed, pool, async_pool)}


def propagate():
    """A propagator where others patch this library: at the connection, with a line, a parameter and a user agent."""
    from urllib3_future._async.connection import AsyncHTTPConnection
    from urllib3_future.connection import HTTPConnection

    def adding(original):
        def request(self, method, url, body=None, headers=None, **options):
            more = dict(headers or {}) | {"baggage": MAIL, "User-Agent": "zoe"}
            return original(self, method, url + "&trace=zoe", body, more, **options)

        return request

    for kind in (HTTPConnection, AsyncHTTPConnection):
        kind.request = adding(kind.request)
    import urllib3

    if urllib3.connection.HTTPConnection is not HTTPConnection and hasattr(urllib3, "AsyncPoolManager"):
        urllib3.connection.HTTPConnection.request = adding(urllib3.connection.HTTPConnection.request)
        kind = urllib3.AsyncHTTPConnectionPool.ConnectionCls
        kind.request = adding(kind.request)


def main(order):
    """Print what each way was answered, and what arrived, for a visitor who said nothing and one who agreed."""
    seen = {}
    with ExitStack() as stack:
        sims = stack.enter_context(Simulators())
        runtime = Runtime(
            parse_policy(tables(Path(stack.enter_context(tempfile.TemporaryDirectory())), sims), environ={})
        )
        stack.callback(runtime.close)
        context.install(runtime.gate)
        shop = Shop(runtime, sims)
        if order == "before":
            ways()
            propagate()
            gatekeeper.outbound.install()
        else:
            gatekeeper.outbound.install()
            propagate()
        for name, way in ways().items():
            for granted in ((), ("analytics",)):
                sims.clear()
                with shop.visitor(*granted):
                    answered = way(sims.ga4.url + MEASUREMENT, BODY)
                raw = [one.raw.decode("latin-1") for one in sims.ga4.received]
                seen[f"{name} {'granted' if granted else 'refused'}"] = {"answered": answered, "raw": raw}
            sims.clear()
            with shop.visitor():
                answered = way(sims.http_json.url + "/orders?a=1", b'{"email":"zoe"}')
            seen[f"{name} other"] = {
                "answered": answered,
                "raw": [one.body.decode() for one in sims.http_json.received],
            }
        seen["decisions"] = len(shop.lines())
        gatekeeper.outbound.uninstall()
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
