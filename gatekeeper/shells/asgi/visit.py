"""One request's context, from the call of the app to its return; what the app awaits from outside is not in it.

What a server schedules in `receive` and `send` is the connection's, not the request's: with asyncio's own loop the next
request is read, and a pipelined one is started, in the context of the code that called them
(github.com/python/cpython/issues/140947, github.com/Kludex/uvicorn/issues/2167). Middlewares around the gate run there,
too. So the context is taken off for as long as the app waits for one of them.
"""

from __future__ import annotations

from gatekeeper.context import Here, current, leave, outside
from gatekeeper.shells.asgi import App, Message, Receive, Scope, Send


async def visit(app: App, here: Here, scope: Scope, receive: Receive, send: Send) -> None:
    """Have the app serve one request or websocket, and end the request's context when it returns, however it does."""
    around = outside()
    mark = current.set(here)
    try:
        await app(scope, _receiving(receive, around), _sending(send, around))
    finally:
        here.end()
        leave(mark)


def _receiving(receive: Receive, around: Here | None) -> Receive:
    async def from_outside() -> Message:
        mark = current.set(around)
        try:
            return await receive()
        finally:
            leave(mark)

    return from_outside


def _sending(send: Send, around: Here | None) -> Send:
    async def to_outside(message: Message) -> None:
        mark = current.set(around)
        try:
            await send(message)
        finally:
            leave(mark)

    return to_outside
