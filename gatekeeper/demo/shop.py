"""The demo's shop: a small Starlette app. It is wrapped by `GatekeeperMiddleware`, as a real shop would be.

    GET    /                the page, its style and its scripts
    GET    /demo/visitor    what the demo's server says of the visitor (`visitor.py`)
    POST   /demo/visitor    {"place": "US-CA", "gpc": false}: say something else
    DELETE /demo/visitor    forget the browser's choice, as if it had never been here
    GET    /demo/board      what each destination received (`board.py`)

Choices and events go from the page to the gate's own `/gk/consent` and `/gk/collect`, on the same origin, by
`/gk/gatekeeper.js` and `/gk/banner.js`.
"""

from __future__ import annotations

from importlib import resources
from typing import Final

import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gatekeeper.demo.board import Board
from gatekeeper.demo.visitor import PLACES, Visitors
from gatekeeper.errors import EventError
from gatekeeper.shells.asgi import App, Message, Receive, Scope, Send, read_body
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


def shop(board: Board, visitors: Visitors) -> Starlette:
    """The app. `visitors` is asked and told by the page's switch."""

    def show_board(request: Request) -> Response:
        """Reads files, so it is no coroutine: Starlette runs it in a thread."""
        return JSONResponse(board.show())

    async def show_visitor(request: Request) -> Response:
        """Who the visitor is said to be."""
        return JSONResponse(visitors.now.shown())

    async def choose_visitor(request: Request) -> Response:
        """Be another visitor from now on."""
        try:
            wanted = orjson.loads(await read_body(request.receive, MAX_BODY))
        except orjson.JSONDecodeError:
            wanted = None
        if not visitors.choose(wanted):
            return JSONResponse({"title": f"send place, one of {', '.join(PLACES)}, and gpc, true or false"}, 422)
        return JSONResponse(visitors.now.shown())

    return Starlette(
        routes=[
            *(Route(path, _file(*file), methods=["GET"]) for path, file in FILES.items()),
            Route("/demo/visitor", show_visitor),
            Route("/demo/visitor", choose_visitor, methods=["POST"]),
            Route("/demo/visitor", forget, methods=["DELETE"]),
            Route("/demo/board", show_board),
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


async def forget(request: Request) -> Response:
    """Take our cookies away. A refusal would be a choice; this is none."""
    response = Response(status_code=204)
    for name in (own.COOKIE, own.READABLE):
        response.delete_cookie(name, samesite="lax")
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
