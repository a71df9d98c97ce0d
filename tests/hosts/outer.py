"""An ASGI app with a middleware around the gate, for servers that run it in a process of their own.

Each answer says for whom the app spoke; `/seen` what was seen around the gate since the start.
"""

import json
import os

from gatekeeper import GatekeeperMiddleware, context

SEEN: list[str] = []


def whose():
    """The visitor that a tracking call would be sent for, by the subject of their cookie."""
    here = context.working()
    return next((one.subject for one in here.gate.heard(here.caller()) if one.subject), "nobody")


def around():
    """A look from outside of the gate: at the variable itself, and at what a tracking call would make of it."""
    SEEN.append("clean" if context.current.get() is None else whose())


async def answer(send, body):
    """A whole response, in parts: a server that is told to wait for a slow reader schedules what follows."""
    headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for at in range(0, len(body), 65_536):
        rest = at + 65_536 < len(body)
        await send({"type": "http.response.body", "body": body[at : at + 65_536], "more_body": rest})


async def inner(scope, receive, send):
    """The shop: takes uploads, sends large answers, speaks for its visitor."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    words = {whose()}
    while (await receive()).get("more_body"):
        words.add(whose())
    size = 4_000_000 if scope["path"] == "/large" else 10
    await answer(send, ",".join(sorted(words)).encode().ljust(size))


gated = GatekeeperMiddleware(inner, config=os.environ["SHOP_POLICY"])


async def app(scope, receive, send):
    """An access log, a metrics or an error middleware: it tracks what it pleases, for nobody of ours."""
    if scope["type"] == "lifespan":
        await gated(scope, receive, send)
        return
    around()

    async def receiving():
        around()
        message = await receive()
        around()
        return message

    async def sending(message):
        around()
        await send(message)
        around()

    if scope["path"] == "/seen":
        await answer(send, json.dumps(sorted(set(SEEN))).encode())
    else:
        await gated(scope, receiving, sending)
    around()
