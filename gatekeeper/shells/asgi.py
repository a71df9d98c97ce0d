"""The few ASGI words the shells need: types, reading a body, sending an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import orjson

from gatekeeper.errors import EventError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]


class Disconnected(Exception):  # noqa: N818  # an event, not an error: nobody is left to answer
    """The client went away before its body was complete."""


async def read_body(receive: Receive, limit: int, deadline: float = 15.0) -> bytes:
    """The whole body. Raises EventError: 413 over `limit` bytes, 408 after `deadline` seconds; Disconnected."""
    parts, size = [], 0
    try:
        async with asyncio.timeout(deadline):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise Disconnected
                part = message.get("body", b"")
                size += len(part)
                if size > limit:
                    raise EventError(413, "the body is too large", detail=f"at most {limit} bytes")
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise EventError(408, "the body did not arrive in time") from None


async def respond(send: Send, status: int, body: bytes, headers: Iterable[Header] = (), *, head: bool = False) -> None:
    """Send an answer. With `head`, only its headers."""
    length = () if status == 204 else ((b"content-length", str(len(body)).encode()),)  # RFC 9110 section 8.6
    await send({"type": "http.response.start", "status": status, "headers": [*length, *headers]})
    await send({"type": "http.response.body", "body": b"" if head else body})


async def respond_json(send: Send, status: int, value: object, headers: Iterable[Header] = ()) -> None:
    """Send a JSON answer."""
    await respond(send, status, orjson.dumps(value), ((b"content-type", b"application/json"), *headers))


async def respond_problem(
    send: Send,
    status: int,
    title: str,
    *,
    field: str | None = None,
    detail: str | None = None,
    headers: Iterable[Header] = (),
) -> None:
    """Send `application/problem+json` (RFC 9457); `field` is the path of the culprit in the body."""
    problem = {"type": "about:blank", "status": status, "title": title, "detail": detail, "field": field}
    body = orjson.dumps({key: value for key, value in problem.items() if value is not None})
    await respond(send, status, body, ((b"content-type", b"application/problem+json"), *headers))
