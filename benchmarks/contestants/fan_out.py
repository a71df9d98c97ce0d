"""A collector as one would write it in an afternoon: Starlette, a background task, four posts with httpx.

    python -m benchmarks.contestants.fan_out PORT VENDOR_PORT

It filters as the others do and keeps nothing: what is under way is lost with the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from .consent_filter import PERSONAL

_NEEDS = {"ga4": "analytics", "meta_capi": "marketing", "tiktok": "marketing", "own": "analytics"}
_HEADERS = {"content-type": "application/json"}
_TARGETS = {
    "ga4": "/mp/collect?measurement_id=G-BENCH&api_secret=bench",
    "meta_capi": "/v23.0/123/events?access_token=bench",
    "tiktok": "/open_api/v1.3/event/track/",
    "own": "/own",
}


def shaped(vendor: str, event: dict[str, Any]) -> bytes:
    """The event in a vendor's envelope, without the personal fields."""
    data = {key: value for key, value in event["data"].items() if key not in PERSONAL}
    one = {"name": event["event"], "params": data}
    return orjson.dumps({"data" if vendor in ("meta_capi", "tiktok") else "events": [one]})


def app(vendor_port: int) -> Starlette:
    """The collector."""
    clients: list[httpx.AsyncClient] = []

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{vendor_port}", trust_env=False, timeout=60) as client:
            clients.append(client)
            yield

    async def deliver(event: dict[str, Any]) -> None:
        granted = [vendor for vendor, purpose in _NEEDS.items() if event["consent"].get(purpose)]
        posts = [
            clients[0].post(_TARGETS[vendor], content=shaped(vendor, event), headers=_HEADERS) for vendor in granted
        ]
        await asyncio.gather(*posts)

    async def collect(request: Request) -> JSONResponse:
        event = orjson.loads(await request.body())
        return JSONResponse({"accepted": True}, 202, background=BackgroundTask(deliver, event))

    return Starlette(routes=[Route("/gk/collect", collect, methods=["POST"])], lifespan=lifespan)


def main() -> None:
    """Serve it."""
    port, vendor_port = int(sys.argv[1]), int(sys.argv[2])
    uvicorn.run(app(vendor_port), host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
