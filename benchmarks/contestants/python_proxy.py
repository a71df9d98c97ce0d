"""A proxy for vendor calls on Starlette, with one of three clients; no policy at all, or the same consent filter.

python -m benchmarks.contestants.python_proxy httpx|pyreqwest|aiohttp plain|filter PORT VENDOR_PORT
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .consent_filter import allowed, filtered, record, vendor_of

Forward = Callable[[str, bytes], Awaitable[tuple[int, bytes]]]
_JSON = "application/json"


@contextlib.asynccontextmanager
async def client(which: str, base: str) -> AsyncIterator[Forward]:
    """A function that posts a body to a path and gives status and body."""
    if which == "httpx":
        import httpx

        async with httpx.AsyncClient(base_url=base, trust_env=False) as session:

            async def forward(path: str, body: bytes) -> tuple[int, bytes]:
                answer = await session.post(path, content=body, headers={"content-type": _JSON})
                return answer.status_code, answer.content

            yield forward
    elif which == "aiohttp":
        import aiohttp

        async with aiohttp.ClientSession() as session:

            async def forward(path: str, body: bytes) -> tuple[int, bytes]:
                async with session.post(base + path, data=body, headers={"content-type": _JSON}) as answer:
                    return answer.status, await answer.read()

            yield forward
    else:
        from pyreqwest.client import ClientBuilder

        async with ClientBuilder().no_proxy().build() as session:

            async def forward(path: str, body: bytes) -> tuple[int, bytes]:
                request = session.post(base + path).header("content-type", _JSON).body_bytes(body).build()
                answer = await request.send()
                return answer.status, bytes(await answer.bytes())

            yield forward


def app(which: str, filtering: bool, vendor_port: int) -> Starlette:
    """The proxy."""
    base = f"http://127.0.0.1:{vendor_port}"
    log = Path("proxy.jsonl").open("ab")  # closed with the process  # noqa: SIM115
    forwards: list[Any] = []

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with client(which, base) as forward:
            forwards.append(forward)
            yield

    async def proxied(request: Request) -> Response:
        path = "/" + request.path_params["path"]
        body = await request.body()
        if filtering:
            vendor = vendor_of(path)
            if not allowed(vendor, request.headers.get("cookie", ""), request.headers.get("sec-gpc", "")):
                record(log, vendor, "blocked")
                return Response(status_code=204)
            body = filtered(body)
            record(log, vendor, "sent")
        query = request.url.query
        status, content = await forwards[0](f"{path}?{query}" if query else path, body)
        return Response(content, status)

    route = Route("/gk/to/{destination}/{path:path}", proxied, methods=["POST"])
    return Starlette(routes=[route], lifespan=lifespan)


def main() -> None:
    """Serve it."""
    import uvicorn

    which, mode, port, vendor_port = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    uvicorn.run(
        app(which, mode == "filter", vendor_port), host="127.0.0.1", port=port, log_level="warning", access_log=False
    )


if __name__ == "__main__":
    main()
