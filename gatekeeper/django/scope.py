"""Django's requests as ASGI scopes, which the gate reads, and our endpoints' answers as Django's responses."""

from __future__ import annotations

import asyncio
from typing import Any

from django.http import HttpResponse

from gatekeeper.shells.asgi import App, Message, Scope


def scope_of(request: Any) -> Scope:
    """The scope of a request: its own under ASGI, made from the environment under WSGI."""
    scope: Scope | None = getattr(request, "scope", None)
    if scope is not None:
        return scope
    meta: dict[str, Any] = request.META
    headers = [
        (name[5:].replace("_", "-").lower().encode("latin-1"), str(value).encode("latin-1", "replace"))
        for name, value in meta.items()
        if name.startswith("HTTP_")
    ]
    headers += [
        (name.replace("_", "-").lower().encode(), str(meta[name]).encode("latin-1", "replace"))
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH")
        if meta.get(name)
    ]
    peer = meta.get("REMOTE_ADDR")
    return {
        "type": "http",
        "method": request.method,
        "scheme": request.scheme,
        "path": request.path,
        "root_path": meta.get("SCRIPT_NAME", "").rstrip("/"),
        "query_string": meta.get("QUERY_STRING", "").encode("latin-1", "replace"),
        "headers": headers,
        "client": (peer, int(meta.get("REMOTE_PORT") or 0)) if peer else None,
    }


async def answered(app: App, request: Any, limit: int) -> HttpResponse:
    """What one of our own endpoints, an ASGI app, answers a request; `limit` is the most it reads of the body."""
    body: list[Message] = [{"type": "http.request", "body": request.read(limit + 1), "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        return body.pop() if body else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope_of(request), receive, send)
    if not sent:
        return HttpResponse(status=499)
    content = b"".join(message.get("body", b"") for message in sent[1:])
    response = HttpResponse(content, status=sent[0]["status"])
    del response["Content-Type"]
    for name, value in sent[0]["headers"]:
        response[name.decode("latin-1")] = value.decode("latin-1")
    return response


def answered_sync(app: App, request: Any, limit: int) -> HttpResponse:
    """The same in a thread without an event loop, as under WSGI."""
    return asyncio.run(answered(app, request, limit))
