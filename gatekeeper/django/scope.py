"""Django's requests as ASGI scopes, which the gate reads, and our endpoints' answers as Django's responses."""

from __future__ import annotations

from http.cookies import Morsel
from typing import Any

from django.http import HttpResponse

from gatekeeper.shells.asgi import IN_ONE_PIECE, App, Message, Scope


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
    # Servers keep the target as it came under one of these names, or under none (PEP 3333 knows the decoded path only).
    target = str(meta.get("RAW_URI") or meta.get("REQUEST_URI") or "")
    raw = {"raw_path": target.partition("?")[0].encode("latin-1", "replace")} if target.startswith("/") else {}
    return {
        **raw,
        "type": "http",
        "http_version": str(meta.get("SERVER_PROTOCOL", "HTTP/1.1")).partition("/")[2],
        "method": request.method,
        "scheme": request.scheme,
        "path": request.path,
        "root_path": meta.get("SCRIPT_NAME", "").rstrip("/"),
        "query_string": meta.get("QUERY_STRING", "").encode("latin-1", "replace"),
        "headers": headers,
        "client": (peer, int(meta.get("REMOTE_PORT") or 0)) if peer else None,
    }


class _Line(Morsel):  # type: ignore[type-arg]  # of a cookie's value, which it does not look at
    """A whole Set-Cookie header: Django keeps one cookie of a name, and a write of ours has more."""

    def __init__(self, line: str) -> None:
        super().__init__()
        self._line = line

    def output(self, attrs: Any = None, header: str = "Set-Cookie:") -> str:
        """The header, as the server writes it."""
        return f"{header} {self._line}"


async def answered(app: App, request: Any, limit: int) -> HttpResponse:
    """What one of our own endpoints, an ASGI app, answers a request; `limit` is the most it reads of the body."""
    body: list[Message] = [{"type": "http.request", "body": request.read(limit + 1), "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        """The body, once."""
        return body.pop() if body else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        """Keep what is answered."""
        sent.append(message)

    await app(_complete(scope_of(request), request), receive, send)
    if not sent:
        return HttpResponse(status=499)
    content = b"".join(message.get("body", b"") for message in sent[1:])
    response = HttpResponse(content, status=sent[0]["status"])
    del response["Content-Type"]
    for name, value in sent[0]["headers"]:
        if name == b"set-cookie":
            line = value.decode("latin-1")
            response.cookies[line] = _Line(line)
        else:
            response[name.decode("latin-1")] = value.decode("latin-1")
    return response


def _complete(scope: Scope, request: Any) -> Scope:
    """With what Django's test clients leave out: a Host, and a query in bytes. The answer is kept, and so is whole."""
    query = scope.get("query_string", b"")
    whole = {**(scope.get("extensions") or {}), IN_ONE_PIECE: {}}
    query = query.encode("latin-1") if isinstance(query, str) else query
    changed: Scope = {**scope, "extensions": whole, "query_string": query}
    if not any(name == b"host" for name, _ in scope["headers"]):
        changed["headers"] = [*scope["headers"], (b"host", request.META.get("SERVER_NAME", "").encode("latin-1"))]
    return changed
