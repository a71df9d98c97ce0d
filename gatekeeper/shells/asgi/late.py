"""A middleware that the framework makes late, with a policy that cannot be used: the server's start fails.

Starlette and FastAPI make what `add_middleware` was given when the server sends the lifespan's scope. Servers take an
exception there for an app without a lifespan, go on, and each request is answered 500. What they do not take for
anything else is `lifespan.startup.failed` (https://asgi.readthedocs.io/en/latest/specs/lifespan.html).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import NoReturn

from gatekeeper.errors import GatekeeperError
from gatekeeper.shells.asgi import Receive, Scope, Send


def in_lifespan() -> bool:
    """Whether an app that was called with the lifespan's scope is what is making the middleware."""
    frame = inspect.currentframe()
    while frame is not None:
        scope = frame.f_locals.get("scope")
        if isinstance(scope, Mapping) and "type" in scope:
            return bool(scope["type"] == "lifespan")
        frame = frame.f_back
    return False


async def fail(error: GatekeeperError, scope: Scope, receive: Receive, send: Send) -> NoReturn:
    """Refuse to start, and to answer a server that goes on all the same. Raises the error."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.failed", "message": f"Gatekeeper does not start:\n{error}"})
    raise error
