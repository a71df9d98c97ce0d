"""The demo's shop: a small Starlette app. It is wrapped by `GatekeeperMiddleware`, as a real shop would be.

    GET  /                     the page, its style and its scripts
    GET  /demo/visitor         the choice the gate reads from this browser's cookie
    POST /demo/visitor         {"analytics": bool, "marketing": bool}: record a choice as our signed cookie
    DELETE /demo/visitor       forget it: as if nothing had been chosen
    GET  /demo/board           what each destination received (`board.py`)
    POST /demo/simulated-gpc   one event, passed on to the gate as if the browser had sent Sec-GPC: 1

The events themselves go from the page to the gate's own `/gk/collect`, on the same origin.
"""

from __future__ import annotations

from importlib import resources
from typing import Final

import httpx
import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gatekeeper import context
from gatekeeper.demo.board import Board
from gatekeeper.errors import EventError
from gatekeeper.model import Permission, Purpose, Standing
from gatekeeper.shells.asgi import App, Message, Receive, Scope, Send, read_body
from gatekeeper.shells.asgi.issue import issue_consent
from gatekeeper.signals import own

# A page of another site that has its name point at 127.0.0.1 (DNS rebinding) sends its own name here.
HOSTS: Final = ("127.0.0.1", "localhost")
MAX_BODY: Final = 64 * 1024  # bytes
FILES: Final = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/demo.css": ("demo.css", "text/css; charset=utf-8"),
    "/shop.js": ("shop.js", "text/javascript; charset=utf-8"),
    "/board.js": ("board.js", "text/javascript; charset=utf-8"),
    "/words.js": ("words.js", "text/javascript; charset=utf-8"),
    "/lamp.svg": ("lamp.svg", "image/svg+xml"),
}
HEADERS: Final = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


def shop(board: Board, collect: str) -> Starlette:
    """The app. `collect` is the URL of the gate's own endpoint, for the simulated Sec-GPC."""

    def show_board(request: Request) -> Response:
        """Reads files, so it is no coroutine: Starlette runs it in a thread."""
        return JSONResponse(board.show())

    async def simulated_gpc(request: Request) -> Response:
        """A script may not set Sec-GPC. What the browser sent is passed on with it, and the answer back."""
        passed_on = {name: request.headers[name] for name in ("cookie", "user-agent") if name in request.headers}
        body = await read_body(request.receive, MAX_BODY)
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(
                collect, content=body, headers=passed_on | {"content-type": "application/json", "sec-gpc": "1"}
            )
        return Response(answer.content, answer.status_code, media_type=answer.headers["content-type"])

    return Starlette(
        routes=[
            *(Route(path, _file(*file), methods=["GET"]) for path, file in FILES.items()),
            Route("/demo/visitor", visitor),
            Route("/demo/visitor", choose, methods=["POST"]),
            Route("/demo/visitor", forget, methods=["DELETE"]),
            Route("/demo/board", show_board),
            Route("/demo/simulated-gpc", simulated_gpc, methods=["POST"]),
        ],
        middleware=[
            Middleware(_Headers),
            Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False),
            Middleware(_SameOrigin),
        ],
        exception_handlers={EventError: refuse},
    )


async def refuse(request: Request, error: Exception) -> Response:
    """A body that is too large, or too late."""
    status = error.status if isinstance(error, EventError) else 500
    return JSONResponse({"title": "the body is not accepted"}, status)


async def visitor(request: Request) -> Response:
    """What the gate hears from this browser: `choice` (null: none was made) and `gpc`."""
    here = context.present()
    heard = here.gate.heard(here.caller()) if here else ()
    choice = next((one for one in heard if one.source == own.COOKIE and one.standing is Standing.DECIDED), None)
    return JSONResponse(
        {
            "choice": choice and {p.value: word is Permission.GRANTED for p, word in choice.says.items()},
            "gpc": request.headers.get("sec-gpc") == "1",
        }
    )


async def choose(request: Request) -> Response:
    """Record a choice: two booleans, no more and no less; a refusal is a choice too."""
    try:
        given = orjson.loads(await read_body(request.receive, MAX_BODY))
    except orjson.JSONDecodeError:
        given = None
    wanted = {Purpose.ANALYTICS.value, Purpose.MARKETING.value}
    if not isinstance(given, dict) or given.keys() != wanted or not all(isinstance(v, bool) for v in given.values()):
        return JSONResponse({"title": "send analytics and marketing, each true or false"}, 422)
    # Not `Secure`: the demo speaks HTTP on loopback, and not every browser sends such a cookie there.
    return Response(status_code=204, headers={"set-cookie": issue_consent(**given, secure=False)})


async def forget(request: Request) -> Response:
    """Take the cookie away. A refusal would be a choice; this is none."""
    response = Response(status_code=204)
    response.delete_cookie(own.COOKIE, httponly=True, samesite="lax")
    return response


def _file(name: str, media_type: str) -> App:
    content = resources.files("gatekeeper.demo").joinpath("static", name).read_bytes()
    return Response(content, media_type=media_type)


class _Headers:
    """Puts the security headers on every answer of the shop, refusals included."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *HEADERS]}
            await send(message)

        await self._app(scope, receive, send_with_headers)


class _SameOrigin:
    """Refuses what another site's page would write here: its requests carry its own Origin."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
            headers = Request(scope).headers
            if headers.get("origin", f"http://{headers['host']}") != f"http://{headers['host']}":
                await JSONResponse({"title": "the shop takes this from its own page only"}, 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)
