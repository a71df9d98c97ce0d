"""The end of a Django project under an ASGI server: Django has no lifespan, and servers end a process by its signal.

uvicorn raises SIGTERM again when it has stopped, so nothing that Python does at exit is done. Servers say before
that it is over, to an app that answers them (ASGI's lifespan protocol). So Django's handler answers.
"""

from __future__ import annotations

import asyncio
from typing import Any

from django.core.handlers.asgi import ASGIHandler

from gatekeeper.runtime import Runtime
from gatekeeper.shells.asgi import Receive, Scope, Send

_original = ASGIHandler.__call__


def answer(runtime: Runtime) -> None:
    """Have Django's ASGI handlers of this process answer the lifespan protocol; the gate is closed at its end."""

    async def call(self: Any, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the lifespan protocol; everything else is Django's."""
        if scope["type"] == "lifespan":
            await _serve(runtime, receive, send)
        else:
            await _original(self, scope, receive, send)

    ASGIHandler.__call__ = call


async def _serve(runtime: Runtime, receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
            continue
        await asyncio.get_running_loop().run_in_executor(None, runtime.close)
        await send({"type": "lifespan.shutdown.complete"})
        return
