"""The few words the shells need: ASGI's types, reading a body, an answer and how it is sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final, NamedTuple

import orjson

from gatekeeper.errors import EventError
from gatekeeper.model.head import Head
from gatekeeper.runtime.bodies import Bodies

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]
Headers = tuple[Header, ...]  # of a request, with names in lower case
TARGET: Final = "gatekeeper.target"  # extension of our own server: the request's target, unchanged
UNTIL_CLOSE: Final = "gatekeeper.until_close"  # extension: once it was called, the answer ends with the connection
IN_ONE_PIECE: Final = "gatekeeper.in_one_piece"  # extension: an answer of ours cannot be sent in parts
OWN_DATE: Final = "gatekeeper.own_date"  # extension: once it was called, the server adds no Date
Read = Callable[[], Awaitable[bytes]]  # the whole body of a request; raises EventError or Disconnected


class Disconnected(Exception):  # noqa: N818  # an event, not an error: the client has gone
    """The client went away before its body was complete."""


def lowered(scope: Scope) -> Head:
    """A request's headers, with names in lower case; of our own server they are so already."""
    headers = scope["headers"]
    return headers if headers.__class__ is Head else Head.lowered(headers)


NO_ROOM: Final = "too many bodies are being read"


class Reading:
    """The body of one request, as far as it came. A context manager: at its end nothing of it is held any more."""

    def __init__(self, receive: Receive, limit: int, deadline: float, bodies: Bodies) -> None:
        self._receive, self._limit, self._deadline, self._bodies = receive, limit, deadline, bodies
        self._timeout: asyncio.Timeout | None = None
        self._lost = False
        self._body = bodies.begin(self._lose)

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *error: object) -> None:
        self._bodies.end(self._body)

    async def __call__(self) -> bytes:
        """The whole body. Raises EventError: 413 (too large), 408 (too slow), 503 (others need room); Disconnected."""
        try:
            async with asyncio.timeout(self._deadline) as self._timeout:
                return await read_body(self._receive, self._limit, self._came)
        except TimeoutError:
            if self._lost:
                raise EventError(503, NO_ROOM) from None
            raise EventError(408, "the body did not arrive in time") from None
        finally:
            self._timeout = None
            self._bodies.whole(self._body)

    def _came(self, count: int) -> None:
        if self._lost or not self._bodies.grew(self._body, count):
            raise EventError(503, NO_ROOM)

    def _lose(self) -> None:
        self._lost = True
        if self._timeout is not None:
            self._timeout.reschedule(asyncio.get_running_loop().time())


async def read_body(receive: Receive, limit: int, came: Callable[[int], None] = lambda count: None) -> bytes:
    """The whole body. Raises EventError over `limit` bytes, Disconnected, and what `came` raises of a part's size."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise EventError(413, "the body is too large", detail=f"at most {limit} bytes")
        came(len(part))
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


class Reply(NamedTuple):
    """A whole answer of ours. `headers` have lower-case names, and no Content-Length.

    Behind the body come `more` parts, where the shell can send them: an answer is whole without them.
    """

    status: int
    body: bytes = b""
    headers: Headers = ()
    more: Callable[[], AsyncGenerator[bytes, None]] | None = None

    @property
    def framed(self) -> Headers:
        """Its headers with its length; a 204 has none (RFC 9110 section 8.6)."""
        if self.status == 204:
            return self.headers
        return ((b"content-length", str(len(self.body)).encode()), *self.headers)


def json_reply(status: int, value: object, headers: Iterable[Header] = ()) -> Reply:
    """A JSON answer."""
    return Reply(status, orjson.dumps(value), ((b"content-type", b"application/json"), *headers))


def problem_reply(
    status: int, title: str, *, field: str | None = None, detail: str | None = None, headers: Iterable[Header] = ()
) -> Reply:
    """An answer in `application/problem+json` (RFC 9457); `field` is the path of the culprit in the body."""
    problem = {"type": "about:blank", "status": status, "title": title, "detail": detail, "field": field}
    body = orjson.dumps({key: value for key, value in problem.items() if value is not None})
    return Reply(status, body, ((b"content-type", b"application/problem+json"), *headers))


async def respond(send: Send, reply: Reply, *, head: bool = False) -> None:
    """Send an answer. With `head`, only its headers."""
    await send({"type": "http.response.start", "status": reply.status, "headers": list(reply.framed)})
    await send({"type": "http.response.body", "body": b"" if head else reply.body})


async def respond_in_parts(send: Send, receive: Receive, reply: Reply) -> None:
    """Send an answer with what comes behind its body, until it ends or the client goes away."""
    if reply.more is None:
        return await respond(send, reply)
    await send({"type": "http.response.start", "status": reply.status, "headers": list(reply.headers)})
    await send({"type": "http.response.body", "body": reply.body, "more_body": True})
    gone = asyncio.ensure_future(_gone(receive))
    try:
        async with contextlib.aclosing(reply.more()) as parts:
            while not gone.done():
                following = asyncio.ensure_future(anext(parts, None))
                await asyncio.wait((following, gone), return_when=asyncio.FIRST_COMPLETED)
                if not following.done():
                    following.cancel()
                    await asyncio.wait((following,))
                    break
                part = following.result()
                if part is None:
                    break
                await send({"type": "http.response.body", "body": part, "more_body": True})
    finally:
        gone.cancel()
    await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive) -> None:
    """Wait until the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass
