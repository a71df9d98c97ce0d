"""What is added to and taken from a request or an answer on its way through. Pure. Headers in, headers out.

A reverse proxy passes messages on whole but for what belongs to one connection alone (RFC 9110 section 7.6.1), and
tells the app who asked: `X-Forwarded-*`, and the visitor's signed context.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from gatekeeper.jurisdiction.address import Trust
from gatekeeper.shells.asgi import Header, Scope
from gatekeeper.signals import context

_HOP_BY_HOP: Final = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
        b"trailer", b"transfer-encoding", b"upgrade",
    }
)  # fmt: skip
# `Connection` may not nominate these away: without them it would be another message.
_NEVER_NOMINATED: Final = frozenset({b"host", b"content-length", b"content-type", b"content-encoding"})
# What only a trusted proxy may say of the client.
_ABOUT_THE_CLIENT: Final = (b"x-forwarded-", b"forwarded", b"x-real-ip")
_OURS: Final = frozenset({context.HEADER, b"expect"})  # the server has answered an Expect already


def to_app(scope: Scope, trust: Trust, token: str | None, default_host: bytes) -> list[Header]:
    """The headers of a request for the app. `token` is the visitor's context; the caller's own is removed."""
    client = scope.get("client")
    peer = client[0] if client else None
    trusted = trust.covers(peer)
    headers = [
        (name, value)
        for name, value in end_to_end(scope["headers"])
        if name not in _OURS and (trusted or not name.startswith(_ABOUT_THE_CLIENT))
    ]
    given = dict(headers)
    if b"host" not in given:
        headers.insert(0, (b"host", default_host))
    if any(name == b"transfer-encoding" for name, _ in scope["headers"]):
        headers.append((b"transfer-encoding", b"chunked"))
    if peer:
        before = [value for name, value in headers if name == b"x-forwarded-for"]
        headers = [header for header in headers if header[0] != b"x-forwarded-for"]
        headers.append((b"x-forwarded-for", b", ".join([*before, peer.encode("ascii")])))
    if b"x-forwarded-proto" not in given:
        headers.append((b"x-forwarded-proto", scope["scheme"].replace("ws", "http").encode("ascii")))
    if b"x-forwarded-host" not in given:
        headers.append((b"x-forwarded-host", given.get(b"host", default_host)))
    if token is not None:
        headers.append((context.HEADER, token.encode("ascii")))
    return headers


def from_app(status: int, headers: Sequence[Header]) -> list[Header]:
    """The headers of an answer for the client."""
    bodiless = status in (204, 304)
    return [header for header in end_to_end(headers) if not (bodiless and header[0] == b"content-length")]


def end_to_end(headers: Iterable[Header]) -> list[Header]:
    """Without what belongs to the connection, nominated in `Connection` or known to."""
    lowered = [(name.lower(), value) for name, value in headers]
    nominated = {
        token.strip().lower() for name, value in lowered if name == b"connection" for token in value.split(b",")
    } - _NEVER_NOMINATED
    return [header for header in lowered if header[0] not in _HOP_BY_HOP and header[0] not in nominated]
