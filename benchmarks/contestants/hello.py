"""A hello-world app on uvicorn: bare, behind our middleware, or behind a BaseHTTPMiddleware.

python -m benchmarks.contestants.hello bare|gatekeeper|base PORT
"""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from gatekeeper import context

App = Callable[[Any, Any, Any], Awaitable[None]]
_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain"), (b"content-length", b"5")],
}
_BODY = {"type": "http.response.body", "body": b"hello"}


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Answer `hello`."""
    if scope["type"] != "http":
        return await _lifespan(receive, send)
    await send(_START)
    await send(_BODY)
    return None


async def asking(scope: Any, receive: Any, send: Any) -> None:
    """Answer `hello` after asking what the visitor consented to."""
    here = context.current.get()
    if here is not None:
        here.gate.consent_of(here.caller(), time.time())
    await hello(scope, receive, send)


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def main() -> None:
    """Serve it."""
    from gatekeeper import GatekeeperMiddleware
    from gatekeeper.shells.server import sidecar

    which, port = sys.argv[1], int(sys.argv[2])
    app: App = hello
    if which == "gatekeeper":
        app = GatekeeperMiddleware(hello, config="gatekeeper.toml")
    elif which == "base":
        from starlette.middleware.base import BaseHTTPMiddleware

        async def passed_on(request: Any, call_next: Any) -> Any:
            return await call_next(request)

        app = BaseHTTPMiddleware(hello, dispatch=passed_on)
    sidecar.server(app).run(sockets=[sidecar.listen("127.0.0.1", port)])


if __name__ == "__main__":
    main()
